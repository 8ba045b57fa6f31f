use std::{
    io::{Read, Write},
    time::Duration,
};

use super::DeviceError;

/// How long a read or a write waits before the deadline is looked at.
const WAIT: Duration = Duration::from_millis(100);

/// Two ways for bytes, which fail with `TimedOut` or `WouldBlock` where nothing comes or goes for a moment.
pub trait Line: Read + Write + Send {}

impl<T: Read + Write + Send> Line for T {}

/// Opens `unix:PATH`, the socket of an emulator, or else a serial port.
///
/// # Errors
///
/// [`DeviceError::Connect`].
pub fn connect(address: &str, baud: u32) -> Result<Box<dyn Line>, DeviceError> {
    let opened = match address.strip_prefix("unix:") {
        Some(path) => socket(path),
        None => serial(address, baud),
    };
    opened.map_err(|reason| DeviceError::Connect { address: address.into(), reason })
}

#[cfg(feature = "serial")]
fn serial(path: &str, baud: u32) -> Result<Box<dyn Line>, String> {
    let port = serialport::new(path, baud).timeout(WAIT).open().map_err(|error| error.to_string())?;
    Ok(Box::new(port))
}

#[cfg(not(feature = "serial"))]
fn serial(_path: &str, _baud: u32) -> Result<Box<dyn Line>, String> {
    Err("this build of selvedge has no serial ports: its feature `serial` is left out; name a socket, unix:PATH".into())
}

#[cfg(unix)]
fn socket(path: &str) -> Result<Box<dyn Line>, String> {
    use std::os::unix::net::UnixStream;

    let prepare = |socket: &UnixStream| socket.set_read_timeout(Some(WAIT)).and(socket.set_write_timeout(Some(WAIT)));
    let socket = UnixStream::connect(path)
        .and_then(|socket| prepare(&socket).map(|()| socket))
        .map_err(|error| error.to_string())?;
    Ok(Box::new(socket))
}

#[cfg(not(unix))]
fn socket(_path: &str) -> Result<Box<dyn Line>, String> {
    Err("this system has no such sockets; name a serial port".into())
}
