//! The audited folder as it was at a revision, read from the repository's objects into a temporary folder.
//!
//! The work tree, the index and the repository stay as they are; no filter or hook of the repository runs.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use tempfile::TempDir;

use crate::errors::Failure;

/// What an audit reads besides what says what is started, by ending.
const ENDINGS: [&str; 3] = ["py", "pyw", "toml"];
/// What it reads, by name.
const NAMES: [&str; 2] = [".gitignore", ".ignore"];
/// No file that an audit uses is larger; it says so of larger ones, whatever is in them.
const MAX_BYTES: u64 = 17 << 20;

/// Writes the files below `root` as they were at `revision`. Files that an audit does not read are there, but empty.
pub fn checkout(root: &Path, revision: &str) -> Result<TempDir, Failure> {
    let failed = || Failure::new(format!("cannot compare with `{revision}`")).at(root);
    let commit = commit(root, revision).map_err(|why| {
        let help = if why.contains("not a git repository") {
            "`--diff` needs a Git repository; elsewhere write a report before the change and use `--baseline`"
        } else {
            "`--diff` takes a revision that Git knows: a branch, a tag, a commit; in a shallow clone, fetch it first"
        };
        failed().because(why).help(help)
    })?;
    let folder = TempDir::with_prefix("lagmap-").map_err(|error| failed().because(error))?;
    let files = list(root, &commit).map_err(|error| failed().because(error))?;
    write(root, &files, folder.path()).map_err(|error| failed().because(error))?;
    Ok(folder)
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root);
    // Objects that a partial clone lacks are not fetched.
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null());
    command
}

/// The commit that a revision means.
fn commit(root: &Path, revision: &str) -> Result<String, String> {
    let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
    let asked = |git: &mut Command| git.output().map_err(|error| format!("git cannot be run: {error}"));
    let inside = asked(git(root).args(["rev-parse", "--git-dir"]))?;
    if !inside.status.success() {
        return Err("it is not a git repository".to_owned());
    }
    let found = asked(git(root).args(arguments).arg(format!("{revision}^{{commit}}")))?;
    if !found.status.success() {
        return Err("there is no such revision".to_owned());
    }
    Ok(String::from_utf8_lossy(&found.stdout).trim().to_owned())
}

/// A regular file of a commit.
struct Blob {
    object: String,
    path: PathBuf,
    read: bool,
}

/// The regular files below the folder, with paths relative to it.
fn list(root: &Path, commit: &str) -> io::Result<Vec<Blob>> {
    let output = git(root).args(["ls-tree", "-r", "-z", commit]).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(output.stdout.split(|byte| *byte == 0).filter_map(blob).collect())
}

/// `100644 blob <object>\t<path>`
fn blob(entry: &[u8]) -> Option<Blob> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = (std::str::from_utf8(&entry[..tab]).ok()?, path_of(&entry[tab + 1..])?);
    let mut words = head.split(' ');
    let (mode, object) = (words.next()?, words.nth(1)?);
    // Links and other repositories are no files.
    if !mode.starts_with("100") || !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let name = path.file_name()?.to_string_lossy().into_owned();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let read = NAMES.contains(&&*name)
        || ending.is_some_and(|ending| ENDINGS.contains(&ending))
        || lagmap_system::may_declare(&name);
    Some(Blob { object: object.to_owned(), path, read })
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere a path may be none")]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(PathBuf::from(OsString::from_vec(bytes.to_vec())))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(PathBuf::from(OsString::from(std::str::from_utf8(bytes).ok()?)))
}

fn write(root: &Path, files: &[Blob], folder: &Path) -> io::Result<()> {
    let mut child = git(root).args(["cat-file", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("git has no pipes"));
    };
    let asked: Vec<String> = files.iter().filter(|file| file.read).map(|file| format!("{}\n", file.object)).collect();
    let written = thread::scope(|scope| {
        // Both pipes have bounds: one thread asks while the other reads the answers.
        scope.spawn(move || {
            let mut input = BufWriter::new(input);
            // If git goes away, the reader says so.
            let _ = asked.iter().try_for_each(|object| input.write_all(object.as_bytes())).and_then(|()| input.flush());
        });
        let mut answers = BufReader::new(output);
        files.iter().try_for_each(|file| {
            let path = folder.join(&file.path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let bytes = if file.read { answer(&mut answers, &file.path)? } else { Vec::new() };
            fs::write(path, bytes)
        })
    });
    // If something could not be written, what git still has to say is not read.
    let _ = child.kill();
    child.wait()?;
    written
}

/// `<object> blob <size>\n<content>\n`
fn answer(answers: &mut impl BufRead, path: &Path) -> io::Result<Vec<u8>> {
    let mut head = String::new();
    answers.read_line(&mut head)?;
    let size = head.trim_end().rsplit_once(' ').and_then(|(_, size)| size.parse::<u64>().ok());
    let Some(size) = size else {
        let why = format!("the repository lacks the content of {}", lagmap_report::visible(&path.to_string_lossy()));
        return Err(io::Error::other(why));
    };
    let mut bytes = Vec::new();
    answers.take(size.min(MAX_BYTES)).read_to_end(&mut bytes)?;
    // What is left of it, and the line's end.
    io::copy(&mut answers.take(size - size.min(MAX_BYTES) + 1), &mut io::sink())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_paths_out_of_the_folder_are_no_files() {
        let read = |entry: &str| blob(entry.as_bytes()).map(|blob| (blob.path, blob.read));
        assert_eq!(read("100644 blob abc\ta/b.py"), Some((PathBuf::from("a/b.py"), true)));
        assert_eq!(read("100755 blob abc\tlogo.png"), Some((PathBuf::from("logo.png"), false)));
        assert_eq!(read("120000 blob abc\tlink.py"), None);
        assert_eq!(read("160000 commit abc\tother"), None);
        assert_eq!(read("100644 blob abc\t../b.py"), None);
        assert_eq!(read("100644 blob abc\t/etc/b.py"), None);
    }
}
