#[cfg(feature = "serial")]
use std::fs;
use std::{
    io::{self, Read, Write},
    time::Duration,
};

use super::DeviceError;

/// The time that a read or a write waits before the deadline is checked.
const WAIT: Duration = Duration::from_millis(100);

/// A line that carries bytes both ways. It needs a timeout of about 100 ms: a read or write that waits longer has to fail with `TimedOut` or
/// `WouldBlock`. Without it, the timeouts of [`Board`](super::Board) do not work.
pub trait Line: Read + Write + Send {}

impl<T: Read + Write + Send> Line for T {}

/// Opens a line to a board. The address `unix:PATH` is the socket of an emulator; any other is a serial port.
///
/// # Errors
///
/// [`DeviceError::Connect`] if the line cannot be opened.
pub fn connect(address: &str, baud: u32) -> Result<Box<dyn Line>, DeviceError> {
    let opened = match address.strip_prefix("unix:") {
        Some(path) => socket(path),
        None => serial(address, baud),
    };
    opened.map_err(|reason| DeviceError::Connect { address: address.into(), reason })
}

#[cfg(feature = "serial")]
fn serial(path: &str, baud: u32) -> Result<Box<dyn Line>, String> {
    use serialport::ErrorKind;

    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err("it is a folder, not a serial port".into()),
        Ok(found) if found.is_file() => return Err("it is a file, not a serial port".into()),
        _ => {}
    }
    let opened = serialport::new(path, baud).timeout(WAIT).open();
    let port = opened.map_err(|error| match error.kind() {
        ErrorKind::NoDevice | ErrorKind::Io(io::ErrorKind::NotFound) => absent(),
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            "this user may not open it: on Linux, `sudo usermod -aG dialout $USER` and a new login allow it".into()
        }
        _ => format!("it cannot be opened as a serial port of {baud} bits a second ({error})"),
    })?;
    Ok(Box::new(port))
}

/// Returns the message for a port that is not there.
#[cfg(feature = "serial")]
fn absent() -> String {
    let ports = serialport::available_ports().unwrap_or_default();
    let names: Vec<_> = ports.into_iter().map(|port| port.port_name).collect();
    match &names[..] {
        [] => "there is no such port, and no other serial port here: connect the board".into(),
        names => format!("there is no such port; here are {}", names.join(", ")),
    }
}

#[cfg(not(feature = "serial"))]
fn serial(_path: &str, _baud: u32) -> Result<Box<dyn Line>, String> {
    Err("this build of selvedge has no serial ports: its feature `serial` is left out; name a socket, unix:PATH".into())
}

#[cfg(unix)]
fn socket(path: &str) -> Result<Box<dyn Line>, String> {
    use std::os::unix::net::UnixStream;

    let prepare = |socket: &UnixStream| socket.set_read_timeout(Some(WAIT)).and(socket.set_write_timeout(Some(WAIT)));
    let socket =
        UnixStream::connect(path).and_then(|socket| prepare(&socket).map(|()| socket)).map_err(|error| match error
            .kind()
        {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                format!("no board listens there ({error}): `cargo xtask device serve` starts one and says where")
            }
            io::ErrorKind::InvalidInput => format!("no socket has such a name ({error})"),
            _ => error.to_string(),
        })?;
    Ok(Box::new(socket))
}

#[cfg(not(unix))]
fn socket(_path: &str) -> Result<Box<dyn Line>, String> {
    Err("this system has no such sockets; name a serial port".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        connect(address, 115_200).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    #[cfg(all(unix, feature = "serial"))]
    fn what_is_no_serial_port_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("file"), "").unwrap();
        assert!(refused(&path("")).ends_with("it is a folder, not a serial port"));
        assert!(refused(&path("file")).ends_with("it is a file, not a serial port"));
        assert!(refused(&path("none")).contains("there is no such port"));
        assert!(refused("/dev/null").contains("it cannot be opened as a serial port of 115200 bits a second ("));
    }

    #[test]
    #[cfg(unix)]
    fn a_socket_without_a_board_says_how_to_start_one() {
        let folder = tempfile::tempdir().unwrap();
        let socket = format!("unix:{}", folder.path().join("uart").display());
        assert!(
            refused(&socket).contains("no board listens there")
                && refused(&socket).contains("`cargo xtask device serve`")
        );
        assert!(refused(&format!("unix:{}", "x".repeat(200))).contains("no socket has such a name"));
    }
}
