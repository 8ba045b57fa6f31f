//! Files that are built into a program. On a device they are in flash, and are read in place.
//!
//! ```
//! use selvedge::{Embedded, Layer, classification::argmax, embed, mlp};
//!
//! type Model = mlp!(2 => 8 Tanh => 2);
//! static MODEL: Embedded<Model> = embed!("../examples/xor.selvedge", as Model);
//!
//! let model = MODEL.load()?.model;
//! assert_eq!(argmax(model.run(&[0.0, 1.0])), 1);
//! # Ok::<(), selvedge::weights::WeightFileError>(())
//! ```
//!
//! A program that embeds the file of another model does not compile. The same is true for a file that is cut off, and for one that is no weight file:
//!
//! ```compile_fail,E0080
//! use selvedge::{Embedded, embed, mlp};
//!
//! type Model = mlp!(2 => 9 Tanh => 2);
//! static MODEL: Embedded<Model> = embed!("../examples/xor.selvedge", as Model);
//! ```
//!
//! ```compile_fail,E0080
//! use selvedge::{Embedded, embed, mlp};
//!
//! static MODEL: Embedded<mlp!(2 => 8 Tanh => 2)> = embed!("../examples/xor.int8", as mlp!(2 => 8 Tanh => 2));
//! ```
//!
//! For a quantised network, write its format as the type. The numbers of inputs, outputs and workspace words are then constants:
//!
//! ```
//! use selvedge::{Embedded, classification::argmax, embed, quantized::Int8};
//!
//! static NETWORK: Embedded<Int8> = embed!("../examples/xor.int8", as Int8);
//!
//! let mut workspace = [0; NETWORK.required_words()];
//! let sample: [u8; NETWORK.inputs()] = [0, 255];
//! let logits: [i32; NETWORK.outputs()] = NETWORK.load()?.run(&sample, &mut workspace)?;
//! assert_eq!(argmax(logits), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::marker::PhantomData;

use crate::{
    Layer,
    architecture::LayerDescription,
    quantized::{self, QuantizedFile, QuantizedFormat},
    weights::{Header, LoadedModel, MAGIC, VERSION, WITHOUT_SIGNATURE, WeightFileError, load},
};

/// Bytes whose address in memory is a multiple of 4, so that weights can be read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C, align(4))]
pub struct Aligned<Bytes: ?Sized>(pub Bytes);

/// Includes a file in the program. Its address in memory is a multiple of 4.
///
/// `embed!("PATH")` is the file's bytes, `&'static [u8]`. `embed!("PATH", as TYPE)` is an [`Embedded`](crate::embed::Embedded) file: its
/// start is compared with the type while the program is built. The type is that of a model, such as [`mlp!`](crate::mlp!) writes, or the
/// format of a quantised network, such as [`Int8`](crate::quantized::Int8). The [module](mod@crate::embed) has examples.
///
/// The path is relative to the source file or absolute, as in [`include_bytes!`]. `concat!(env!("OUT_DIR"), "/NAME")` is a file that a
/// build script wrote.
#[macro_export]
macro_rules! embed {
    ($path:expr $(,)?) => {{
        const FILE: &$crate::embed::Aligned<[u8]> = &$crate::embed::Aligned(*include_bytes!($path));
        &FILE.0
    }};
    ($path:expr, as $type:ty $(,)?) => {{
        const FILE: &$crate::embed::Aligned<[u8]> = &$crate::embed::Aligned(*include_bytes!($path));
        const EMBEDDED: $crate::embed::Embedded<$type> = $crate::embed::Embedded::new(FILE);
        EMBEDDED
    }};
}

/// A file whose start was compared with its type while the program was built, by [`embed!`](crate::embed!).
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Embedded<T> {
    file: &'static [u8],
    of: PhantomData<fn() -> T>,
}

impl<T: Embeddable> Embedded<T> {
    /// Compares a file with its type.
    ///
    /// # Panics
    ///
    /// If the file has another format or version, if its length is not the one that it states, or if its layers are not the type's.
    /// [`embed!`](crate::embed!) calls it in a constant, where that is an error of the build.
    pub const fn new(file: &'static Aligned<[u8]>) -> Self {
        let file = &file.0;
        let Start { magic, oldest, newest, layers } = T::START;
        let mut header = Header::new(file, magic, oldest, newest);
        match layers {
            Some(layers) => check_layers(&mut header, layers),
            None => _ = quantized::widths(file, magic),
        }
        Self { file, of: PhantomData }
    }

    /// Returns the file's bytes.
    pub const fn file(&self) -> &'static [u8] {
        self.file
    }

    /// Checks the whole file, with its checksum, and reads it in place. Time is linear in its length, so a program does it once.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for a file that was changed, or that the loader refuses for another reason.
    pub fn load(&self) -> Result<T::Loaded, WeightFileError> {
        T::load(self.file)
    }
}

impl<F: QuantizedFormat + Embeddable> Embedded<F> {
    /// Returns the number of 32-bit words that a prediction needs as its workspace.
    pub const fn required_words(&self) -> usize {
        quantized::required_words(self.file)
    }

    /// Returns the number of inputs of the network. `run_raw` takes one raw value for each input. `run` takes one code (a byte) for each input of an
    /// integer network, and the bytes of one raw value for each input of an F16 network.
    pub const fn inputs(&self) -> usize {
        quantized::widths(self.file, F::MAGIC).0[0]
    }

    /// Returns the number of logits of a sample.
    pub const fn outputs(&self) -> usize {
        let (widths, count) = quantized::widths(self.file, F::MAGIC);
        widths[count - 1]
    }
}

/// The magic, the versions and the layers that a file must start with.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    magic: [u8; 8],
    oldest: u16,
    newest: u16,
    /// The layers of a model, or `None` for a quantised network.
    layers: Option<&'static [LayerDescription]>,
}

/// A type that says what a file must be: a model's type, or the format of a quantised network.
pub trait Embeddable: Sized + 'static {
    /// The type that the file is loaded as.
    type Loaded;

    /// The start that the file must have.
    const START: Start;

    /// See [`Embedded::load`].
    ///
    /// # Errors
    ///
    /// The errors of [`Embedded::load`].
    fn load(file: &'static [u8]) -> Result<Self::Loaded, WeightFileError>;
}

impl<M: Layer + 'static> Embeddable for M {
    type Loaded = LoadedModel<'static, M>;

    const START: Start = Start { magic: MAGIC, oldest: WITHOUT_SIGNATURE, newest: VERSION, layers: Some(M::LAYERS) };

    fn load(file: &'static [u8]) -> Result<Self::Loaded, WeightFileError> {
        load(file)
    }
}

macro_rules! embeddable_formats {
    ($($format:ident)*) => {
        $(impl Embeddable for quantized::$format {
            type Loaded = QuantizedFile<'static, Self>;

            const START: Start = Start {
                magic: <Self as quantized::Encoding>::MAGIC,
                oldest: quantized::WITHOUT_SIGNATURE,
                newest: quantized::VERSION,
                layers: None,
            };

            fn load(file: &'static [u8]) -> Result<Self::Loaded, WeightFileError> {
                QuantizedFile::parse(file)
            }
        })*
    };
}
embeddable_formats!(Int8 Int4 F16);

/// Takes the layers from the header, and checks that they are those that the model's type has in prediction: without dropout.
const fn check_layers(header: &mut Header<'_>, layers: &[LayerDescription]) {
    let [count] = header.take();
    let (mut place, mut expected) = (0, 0);
    while place < layers.len() {
        if !layers[place].is_dropout() {
            assert!(
                expected < count && header.layer(layers[place]),
                "the embedded file's layers are not those of the model's type: `selvedge inspect` shows them"
            );
            expected += 1;
        }
        place += 1;
    }
    assert!(expected == count, "the embedded file has more layers than the model's type");
}
