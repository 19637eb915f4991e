//! Bytes to text, as Python does it (PEP 263).

use std::{fs::File, io::Read};

use encoding_rs::{DecoderResult, Encoding, REPLACEMENT, UTF_16BE, UTF_16LE};

use crate::{FileError, FoundFile};

/// Larger files are data, not code; the largest module known on `PyPI` has 8 MB.
const LARGEST: u64 = 16 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What is wrong, and in which line.
type Fault = (String, Option<u32>);

/// Reads and decodes a file.
pub fn read(file: &FoundFile) -> Result<String, FileError> {
    decode(&file.path, read_bytes(file)?)
}

/// The bytes of a file.
pub fn read_bytes(file: &FoundFile) -> Result<Vec<u8>, FileError> {
    bytes(file).map_err(|message| FileError { path: file.path.clone(), message, line: None })
}

/// The text that the bytes of the file at `path` are, as Python decodes it.
pub fn decode(path: &str, bytes: Vec<u8>) -> Result<String, FileError> {
    text(bytes).map_err(|(message, line)| FileError { path: path.to_owned(), message, line })
}

fn bytes(file: &FoundFile) -> Result<Vec<u8>, String> {
    let too_large = |size: u64| format!("{size} bytes, more than the {} MiB that are read of a file", LARGEST >> 20);
    let told = |error: std::io::Error| error.to_string();
    // Before opening it: opening a named pipe waits for a writer.
    let metadata = std::fs::symlink_metadata(&file.absolute).map_err(told)?;
    let opened = if metadata.is_file() { Some(File::open(&file.absolute).map_err(told)?) } else { None };
    // And behind, for it may be another file by now.
    let opened = opened.filter(|opened| opened.metadata().is_ok_and(|metadata| metadata.is_file()));
    let opened = opened.ok_or("not a regular file")?;
    if metadata.len() > LARGEST {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    // It may have grown since.
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

fn text(bytes: Vec<u8>) -> Result<String, Fault> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(("UTF-16, which Python does not read as source".to_owned(), None));
    }
    if let Some(at) = memchr::memchr(0, &bytes) {
        return Err((format!("a NUL byte at byte {at}"), Some(line_of(&bytes, at))));
    }
    let body = bytes.strip_prefix(BOM).unwrap_or(&bytes);
    let marked = body.len() < bytes.len();
    match coding(body).filter(|_| !marked) {
        Some((name, line)) if !is_utf8(&name) => decode_from(&name, line, body),
        _ if marked => utf8(body.to_vec(), BOM.len()),
        _ => utf8(bytes, 0),
    }
}

/// Text from UTF-8 that stands so many bytes into the file.
fn utf8(bytes: Vec<u8>, offset: usize) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|error| {
        let wrong = error.utf8_error().valid_up_to();
        (format!("not valid UTF-8 at byte {}", wrong + offset), Some(line_of(error.as_bytes(), wrong)))
    })
}

/// Text from the encoding that a line declares.
fn decode_from(name: &str, line: u32, body: &[u8]) -> Result<String, Fault> {
    let invalid = |at: usize| (format!("not valid {name} at byte {at}"), Some(line_of(body, at)));
    if is_ascii(name) {
        let wrong = body.iter().position(|byte| !byte.is_ascii());
        return wrong.map_or_else(|| utf8(body.to_vec(), 0), |at| Err(invalid(at)));
    }
    if is_latin1(name) {
        return Ok(body.iter().map(|byte| char::from(*byte)).collect());
    }
    let encoding = encoding(name).ok_or_else(|| (format!("unknown encoding `{name}`"), Some(line)))?;
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let capacity = decoder.max_utf8_buffer_length_without_replacement(body.len());
    let mut text = String::with_capacity(capacity.unwrap_or_default());
    match decoder.decode_to_string_without_replacement(body, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok(text),
        (DecoderResult::Malformed(wrong, behind), read) => {
            Err(invalid(read.saturating_sub(usize::from(wrong) + usize::from(behind))))
        }
        (DecoderResult::OutputFull, read) => Err(invalid(read)),
    }
}

/// The line of a byte, from 1.
fn line_of(bytes: &[u8], at: usize) -> u32 {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count() as u32
}

fn is_utf8(name: &str) -> bool {
    matches!(name, "utf-8" | "utf8" | "u8" | "utf" | "cp65001") || name.starts_with("utf-8-")
}

fn is_ascii(name: &str) -> bool {
    matches!(name, "ascii" | "us-ascii" | "646" | "ansi-x3.4-1968" | "iso646-us")
}

/// Python's Latin-1 has all 256 characters, that of the web is Windows-1252.
fn is_latin1(name: &str) -> bool {
    let is_one = |name| matches!(name, "latin-1" | "iso-8859-1" | "iso-latin-1");
    is_one(name)
        || name.rsplit_once('-').is_some_and(|(name, ending)| is_one(name) && matches!(ending, "unix" | "dos" | "mac"))
        || matches!(name, "latin1" | "iso8859-1" | "8859" | "cp819" | "iso8859" | "l1" | "latin")
}

/// An encoding by one of Python's names for it.
fn encoding(name: &str) -> Option<&'static Encoding> {
    let label = match name {
        "cp932" | "ms-kanji" | "shiftjis" | "sjis" => "shift_jis",
        "cp936" => "gbk",
        "cp949" | "uhc" => "euc-kr",
        "cp950" => "big5",
        "eucjp" | "ujis" => "euc-jp",
        "euckr" => "euc-kr",
        "mac-roman" | "macroman" => "macintosh",
        _ => name,
    };
    Encoding::for_label(label.as_bytes()).filter(|encoding| ![REPLACEMENT, UTF_16BE, UTF_16LE].contains(encoding))
}

/// The encoding that one of the first two lines declares, and the line.
fn coding(bytes: &[u8]) -> Option<(String, u32)> {
    let mut rest = bytes;
    for number in 1..=2 {
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        rest = behind.strip_prefix(b"\r\n").or_else(|| behind.get(1..)).unwrap_or_default();
        let code = line.trim_ascii_start();
        match code.strip_prefix(b"#") {
            Some(comment) => {
                if let Some(name) = declared(&String::from_utf8_lossy(comment)) {
                    return Some((name, number));
                }
            }
            // The second line only counts below a comment or an empty line.
            None if code.is_empty() => {}
            None => return None,
        }
    }
    None
}

/// The name behind `coding:` or `coding=` in a comment.
fn declared(comment: &str) -> Option<String> {
    comment.match_indices("coding").find_map(|(at, word)| {
        let name = comment.get(at + word.len()..)?.strip_prefix([':', '='])?.trim_start_matches([' ', '\t']);
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(name.len());
        let name = name.get(..end)?.to_ascii_lowercase().replace('_', "-");
        Some(name).filter(|name| !name.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<String, Fault> {
        super::text(bytes.to_vec())
    }

    fn message(bytes: &[u8]) -> String {
        text(bytes).unwrap_err().0
    }

    #[test]
    fn decodes_as_python_does() {
        assert_eq!(text(b"").unwrap(), "");
        assert_eq!(text(b"\xef\xbb\xbfx = 1\r\n").unwrap(), "x = 1\r\n");
        assert_eq!(text(b"# -*- coding: latin-1 -*-\n'\xe9\x80'").unwrap(), "# -*- coding: latin-1 -*-\n'é\u{80}'");
        assert_eq!(text(b"# vim: set fileencoding=iso-8859-1 :\r'\xe9'").unwrap().chars().rev().nth(1), Some('é'));
        assert_eq!(text(b"#!/usr/bin/python\n# coding=cp1252\n'\x80'").unwrap().chars().rev().nth(1), Some('€'));
        assert_eq!(text(b"# encoding: cp932\n'\x82\xa0'").unwrap().chars().rev().nth(1), Some('あ'));
        assert_eq!(text("# coding: utf-8-unix\n'é'".as_bytes()).unwrap().chars().rev().nth(1), Some('é'));
        assert_eq!(text(b"# the coding of this; coding: koi8-r\n'\xc1'").unwrap().chars().rev().nth(1), Some('а'));
    }

    #[test]
    fn a_declaration_below_code_or_the_second_line_is_none() {
        assert!(message(b"import a\n# coding: latin-1\n'\xe9'").starts_with("not valid UTF-8"));
        assert!(message(b"#\n#\n# coding: latin-1\n'\xe9'").starts_with("not valid UTF-8"));
        assert!(message(b"x = '# coding: latin-1 \xe9'").starts_with("not valid UTF-8"));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert_eq!(text(b"\nx = '\xe9'").unwrap_err(), ("not valid UTF-8 at byte 6".to_owned(), Some(2)));
        assert_eq!(message(b"\xef\xbb\xbfx = '\xe9'"), "not valid UTF-8 at byte 8");
        assert_eq!(text(b"# coding: klingon\n").unwrap_err(), ("unknown encoding `klingon`".to_owned(), Some(1)));
        assert_eq!(message(b"# coding: utf-16\n"), "unknown encoding `utf-16`");
        assert_eq!(text(b"# coding: ascii\n'\xe9'").unwrap_err(), ("not valid ascii at byte 17".to_owned(), Some(2)));
        assert_eq!(message(b"# coding: cp932\n'\x82'\n"), "not valid cp932 at byte 17");
        assert_eq!(text(b"a\0b").unwrap_err(), ("a NUL byte at byte 1".to_owned(), Some(1)));
        assert_eq!(message(b"x\0=\x001\0"), "a NUL byte at byte 1");
        assert!(message(b"\xff\xfex\0").starts_with("UTF-16"));
    }

    #[test]
    fn only_regular_files_of_bearable_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let absolute = folder.path().join("a.py");
        let file = FoundFile { path: "a.py".to_owned(), absolute: absolute.clone(), size: 0 };
        assert!(read(&file).unwrap_err().to_string().starts_with("a.py: No such file"));
        // Sparse: it takes no room.
        File::create(&absolute).unwrap().set_len(1 << 30).unwrap();
        let error = read(&file).unwrap_err();
        assert_eq!(error.message, "1073741824 bytes, more than the 16 MiB that are read of a file");
        let folder = FoundFile { absolute: folder.path().to_owned(), ..file };
        assert_eq!(read(&folder).unwrap_err().message, "not a regular file");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let absolute = folder.path().join("a.py");
        assert!(std::process::Command::new("mkfifo").arg(&absolute).status().unwrap().success());
        let file = FoundFile { path: "a.py".to_owned(), absolute, size: 0 };
        assert_eq!(read(&file).unwrap_err().message, "not a regular file");
    }
}
