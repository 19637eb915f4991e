//! Bytes to text, as Python does it (PEP 263).

use std::{fs::File, io::Read};

use crate::{FileError, FoundFile};

/// Larger files are data, not code; the largest module known on `PyPI` has 8 MB.
const LARGEST: u64 = 16 << 20;

/// Reads and decodes a file.
pub fn read(file: &FoundFile) -> Result<String, FileError> {
    let error = |message: String, line| FileError { path: file.path.clone(), message, line };
    let bytes = read_bytes(file).map_err(|message| error(message, None))?;
    decode(bytes).map_err(|(message, line)| error(message, line))
}

fn read_bytes(file: &FoundFile) -> Result<Vec<u8>, String> {
    let too_large =
        |size: u64| format!("{} MB is more than the {} MB that are read of a file", size >> 20, LARGEST >> 20);
    let metadata = std::fs::symlink_metadata(&file.absolute).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if metadata.len() > LARGEST {
        return Err(too_large(metadata.len()));
    }
    let opened = File::open(&file.absolute).map_err(|error| error.to_string())?;
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // It may have grown since.
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

fn decode(bytes: Vec<u8>) -> Result<String, (String, Option<u32>)> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(("UTF-16, which Python does not read as source".to_owned(), None));
    }
    let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    if let Some(at) = body.iter().position(|byte| *byte == 0) {
        return Err((format!("a NUL byte at byte {at}"), None));
    }
    let marked = body.len() < bytes.len();
    if let Some((name, line)) = coding(body).filter(|_| !marked)
        && !is_utf8(&name)
    {
        if matches!(&*name, "latin-1" | "iso-8859-1" | "latin1" | "iso8859-1" | "l1") {
            return Ok(body.iter().map(|byte| char::from(*byte)).collect());
        }
        let encoding = encoding_rs::Encoding::for_label(name.as_bytes());
        let Some(encoding) = encoding else { return Err((format!("unknown encoding `{name}`"), Some(line))) };
        let (text, broken) = encoding.decode_without_bom_handling(body);
        return if broken { Err((format!("not valid {name}"), None)) } else { Ok(text.into_owned()) };
    }
    let text = if marked { String::from_utf8(body.to_vec()) } else { String::from_utf8(bytes) };
    text.map_err(|error| (format!("not valid UTF-8 at byte {}", error.utf8_error().valid_up_to()), None))
}

fn is_utf8(name: &str) -> bool {
    matches!(name, "utf-8" | "utf8" | "u8" | "utf-8-sig" | "cp65001" | "ascii" | "us-ascii")
}

/// The encoding that one of the first two lines declares, and the line.
fn coding(bytes: &[u8]) -> Option<(String, u32)> {
    let lines = bytes.split(|byte| *byte == b'\n').take(2).zip(1..);
    for (line, number) in lines {
        let line = String::from_utf8_lossy(line);
        let Some((before, comment)) = line.split_once('#') else {
            // The second line only counts below a comment or an empty line.
            if line.trim().is_empty() {
                continue;
            }
            return None;
        };
        if !before.trim().is_empty() {
            return None;
        }
        if let Some(at) = comment.find("coding") {
            let rest = comment[at + "coding".len()..].strip_prefix([':', '=']);
            if let Some(rest) = rest {
                let name = rest.trim_start_matches([' ', '\t']);
                let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
                let name = name[..end].to_ascii_lowercase().replace('_', "-");
                return Some((name, number)).filter(|(name, _)| !name.is_empty());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_python_does() {
        let text = |bytes: &[u8]| decode(bytes.to_vec());
        assert_eq!(text(b"\xef\xbb\xbfx = 1").unwrap(), "x = 1");
        assert_eq!(text(b"# -*- coding: latin-1 -*-\n'\xe9'").unwrap(), "# -*- coding: latin-1 -*-\n'é'");
        assert_eq!(text(b"#!/usr/bin/python\n# coding=cp1252\n'\x80'").unwrap().chars().last(), Some('\''));
        assert_eq!(text(b"x = '\xe9'").unwrap_err().0, "not valid UTF-8 at byte 5");
        assert_eq!(text(b"# coding: klingon\n").unwrap_err(), ("unknown encoding `klingon`".to_owned(), Some(1)));
        assert_eq!(text(b"a\0b").unwrap_err().0, "a NUL byte at byte 1");
        assert!(text(b"\xff\xfex\0").unwrap_err().0.starts_with("UTF-16"));
        assert_eq!(text(b"").unwrap(), "");
    }
}
