//! The program `site`: binds the library for a browser to the page's script, and serves the page's folder on this machine.
//!
//! `cargo xtask web` builds and runs it. It is a separate program, so that nothing else waits for what it links.

mod serve;

use std::{
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow};
use clap::{Parser, Subcommand};
use wasm_bindgen_cli_support::Bindgen;

#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the script by which a page calls a compiled library, and its types
    Bind {
        /// The library, as the compiler left it
        library: PathBuf,
        /// The folder for the script and the library that it loads
        #[arg(long)]
        out: PathBuf,
        /// Write it for Node instead of a browser
        #[arg(long)]
        node: bool,
    },
    /// Serve a folder, only to this machine
    Serve {
        /// The folder
        folder: PathBuf,
        /// The port; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bind { library, out, node } => bind(library, out, node),
        Command::Serve { folder, port } => listen(folder, port),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(terminal::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn bind(library: PathBuf, out: PathBuf, node: bool) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(&library).typescript(!node).omit_default_module_path(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    if node { bindgen.nodejs(true) } else { bindgen.web(true) }.and_then(|bindgen| bindgen.generate(&out)).map_err(
        // The library's error has a type of its own that is no standard error.
        |error| anyhow!("cannot bind {}: {error:#}", library.display()),
    )
}

fn listen(folder: PathBuf, port: u16) -> Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("cannot open {}", folder.display()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("cannot listen on port {port} of this machine; --port takes another"))?;
    writeln!(terminal::stdout(), "http://{}/ shows {}; Ctrl-C ends it", listener.local_addr()?, folder.display())?;
    serve::all(listener, &folder)
}
