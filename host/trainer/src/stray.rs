//! Files that users often give by mistake, such as a web page in place of a download. Their first bytes tell their kind. The readers of weights,
//! data and pictures all use this list.

/// The first bytes of a run's record, which is a file of JSON lines beside the weights.
pub const RUN_RECORD: &[u8] = b"{\"line\":\"run\"";

/// A beginning that tells a kind of file: its place, its bytes, and the words about the file.
pub(crate) type Magic<T> = (usize, &'static [u8], T);

/// Files that no command reads: the kind, and what to do.
const STRAYS: [Magic<(&str, &str)>; 9] = [
    (0, b"version https://git-lfs", ("a Git LFS pointer and not the file itself", "`git lfs pull` fetches that")),
    (0, b"\x1f\x8b", ("compressed by gzip", "unpack it first, by gunzip -c FILE > NEW")),
    (0, b"BZh", ("compressed by bzip2", "unpack it first, by bunzip2 -k FILE")),
    (0, b"\xfd7zXZ", ("compressed by xz", "unpack it first, by xz -dk FILE")),
    (0, b"\x28\xb5\x2f\xfd", ("compressed by Zstandard", "unpack it first, by zstd -d FILE")),
    (0, b"7z\xbc\xaf\x27\x1c", ("a 7-Zip archive", "unpack it first")),
    (0, b"Rar!\x1a\x07", ("a RAR archive", "unpack it first")),
    (0, RUN_RECORD, ("the record of a run and not the file itself", "name the weights beside it, FILE.selvedge")),
    (257, b"ustar", ("a tar archive", "unpack it first, by tar -xf FILE")),
];

/// Returns the kind of a stray file and what to do, such as `a web page and not the file itself` and `fetch it …`. `None` for any other file.
pub fn find(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.is_empty() {
        return Some(("empty", "fetch it or make it again"));
    }
    begins(&STRAYS, bytes).or_else(|| text(bytes))
}

/// Returns the words of the first kind that begins as these bytes do.
pub(crate) fn begins<T: Copy>(kinds: &[Magic<T>], bytes: &[u8]) -> Option<T> {
    let begins = |(at, magic, _): &&Magic<T>| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    kinds.iter().find(begins).map(|&(.., words)| words)
}

/// Returns the start of a file as text in small letters.
pub(crate) fn start(bytes: &[u8]) -> String {
    const LOOKED_AT: usize = 1024;
    String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]).to_lowercase()
}

fn text(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let start = start(bytes);
    let start = start.trim_start_matches('\u{feff}').trim_start();
    if ["<!doctype html", "<html", "<head"].iter().any(|tag| start.starts_with(tag)) {
        Some(("a web page and not the file itself", "fetch it by the link to the raw file"))
    } else if start.starts_with('<') {
        Some(("a text of XML or HTML, perhaps a server's answer, and not the file itself", "fetch it again"))
    } else if start.starts_with(['{', '[']) {
        Some(("a text of JSON, perhaps a server's answer, and not the file itself", "fetch it again"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_files_are_known_by_their_bytes() {
        for (bytes, kind, advice) in [
            (&b""[..], "empty", "again"),
            (b"<!DOCTYPE html><html>", "a web page", "raw file"),
            (b"\n <HTML><head>", "a web page", "raw file"),
            (b"\xef\xbb\xbf<html>", "a web page", "raw file"),
            (b"<?xml version=", "a text of XML", "again"),
            (b"{\"error\": 404}", "a text of JSON", "again"),
            (b"{\"line\":\"run\",\"format\":1", "the record of a run", "weights beside it"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
            (b"\x1f\x8b\x08", "compressed by gzip", "gunzip -c FILE > NEW"),
            (b"\x28\xb5\x2f\xfd\0", "compressed by Zstandard", "zstd -d"),
            (b"Rar!\x1a\x07\x01\0", "a RAR archive", "unpack"),
            (&[&[0; 257][..], b"ustar\x0000"].concat(), "a tar archive", "tar -xf"),
        ] {
            let (found, what_to_do) = find(bytes).unwrap();
            assert!(found.starts_with(kind) && what_to_do.contains(advice), "{found}; {what_to_do}");
        }
        for other in [&b"\0\x01\x02\x03"[..], b"SELVEDGE", b"a,b\n1,2\n", b"PK\x03\x04"] {
            assert_eq!(find(other), None, "{other:?}");
        }
    }
}
