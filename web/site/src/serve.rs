//! A folder's files over HTTP.

use std::{
    fs::File,
    net::TcpListener,
    path::{Component, Path, PathBuf},
};

use anyhow::{Result, anyhow};
use tiny_http::{Header, Method, Request, Response, Server};

/// Answers requests until the program is ended.
pub fn all(listener: TcpListener, folder: &Path) -> Result<()> {
    let server = Server::from_listener(listener, None).map_err(|error| anyhow!("cannot serve: {error}"))?;
    for request in server.incoming_requests() {
        // A browser that has gone needs no answer.
        let _ = answer(request, folder);
    }
    Ok(())
}

fn answer(request: Request, folder: &Path) -> std::io::Result<()> {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return request.respond(Response::from_string("only GET and HEAD are answered\n").with_status_code(405));
    }
    let opened = file(folder, request.url()).and_then(|path| Some((File::open(&path).ok()?, path)));
    match opened {
        Some((file, path)) => {
            let response = Response::from_file(file);
            match Header::from_bytes("Content-Type", content_type(&path)) {
                Ok(header) => request.respond(response.with_header(header)),
                Err(()) => request.respond(response),
            }
        }
        None => request.respond(Response::from_string("there is no such file\n").with_status_code(404)),
    }
}

/// The file that an address names, in the folder itself: no name leads out of it, also none of a link.
fn file(folder: &Path, url: &str) -> Option<PathBuf> {
    let name = url.split(['?', '#']).next()?.strip_prefix('/')?;
    let name = if name.is_empty() { "index.html" } else { name };
    // A backslash divides names on Windows.
    let is_plain =
        !name.contains('\\') && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let path = is_plain.then(|| folder.join(name))?.canonicalize().ok()?;
    (path.starts_with(folder) && path.is_file()).then_some(path)
}

/// The type by which a browser knows what it gets. It runs no script and no library of another type.
fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        net::TcpStream,
        thread,
    };

    use super::*;

    #[test]
    fn a_name_stays_in_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().canonicalize().unwrap().join("page");
        fs::create_dir_all(folder.join("models")).unwrap();
        for name in ["index.html", "models/a.bin", "../secret"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        let found = |url| file(&folder, url);
        assert_eq!(found("/"), Some(folder.join("index.html")));
        assert_eq!(found("/index.html?a=/../b"), Some(folder.join("index.html")));
        assert_eq!(found("/models/a.bin"), Some(folder.join("models/a.bin")));
        let refused = [
            "",
            "index.html",
            "/../secret",
            "/models/../../secret",
            "//etc/hostname",
            "/models",
            "/..\\secret",
            "/%2e%2e/secret",
        ];
        assert_eq!(refused.map(found), [const { None }; 8]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
            assert_eq!(found("/link"), None);
        }
    }

    #[test]
    fn a_library_has_its_type_and_another_method_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.wasm"), "library").unwrap();
        let path = folder.path().canonicalize().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || all(listener, &path));
        let ask = |line: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let answer = ask("GET /a.wasm");
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("application/wasm") && answer.ends_with("library")
        );
        assert!(ask("GET /b.wasm").starts_with("HTTP/1.1 404"));
        assert!(ask("DELETE /a.wasm").starts_with("HTTP/1.1 405"));
    }
}
