//! `device …`: a board that runs the firmware's program `serve`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Data, File, Samples, groups::whole};

/// The questions that a board answers.
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Show the board and its network
    Info(Info),
    /// Predict pictures or other samples on the board
    Predict(Predict),
    /// Predict test samples on the board, and compare each class and every bit of the logits with this machine's
    Eval(Eval),
}

/// Options of `device info`.
#[derive(Args, Debug)]
pub struct Info {
    /// The way to the board.
    #[command(flatten)]
    pub connect: Connect,
}

/// Options of `device predict`.
#[derive(Args, Debug)]
pub struct Predict {
    /// The way to the board.
    #[command(flatten)]
    pub connect: Connect,
    /// The samples to predict.
    #[command(flatten)]
    pub samples: Samples,

    /// The file of the board's network: it names the columns of the features, and gives the rows of a window. Without it, all columns except a label
    /// are features
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Options of `device eval`.
#[derive(Args, Debug)]
pub struct Eval {
    /// The network's file.
    #[command(flatten)]
    pub file: File,
    /// The way to the board.
    #[command(flatten)]
    pub connect: Connect,

    /// The number of test samples, from the first [default: all]
    #[arg(long, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub count: Option<u32>,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
}

/// The way to the board.
#[derive(Args, Debug)]
pub struct Connect {
    /// The board's serial port, or `unix:PATH` for an emulator's socket
    #[arg(long, value_name = "PORT|unix:PATH")]
    pub connect: String,

    /// The speed of the serial port in bits per second: the key `baud` of the board's file in firmware/boards
    #[arg(long, default_value_t = 115_200, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub baud: u32,

    /// The longest time to wait for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub timeout: u32,
}
