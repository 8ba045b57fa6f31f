//! The report of one or more runs: one HTML page without other files, and its pictures as files.
//!
//! - [`run`]: what is known of a run, from its record, its weights and the test samples. [`answers`]: the network's answers for the samples.
//!   [`calibration`]: its confidences. [`quantized`]: a quantised file of the network. [`costs`]: its costs on a device.
//! - [`chart`] and [`curves`]: the charts. [`pictures`]: samples and weights in pixels.
//! - [`mod@page`]: the HTML.

pub mod answers;
pub mod calibration;
pub mod chart;
pub mod costs;
pub mod curves;
pub mod page;
pub mod pictures;
pub mod quantized;
pub mod run;

pub use page::page;
pub use run::Run;
