//! Which audited function a frame is.
//!
//! The program ran somewhere else: below `/app`, in `site-packages`, from an older checkout. So a file is the audited one whose
//! path shares the most folders with the frame's from the end on, if that is only one, and if it has most of the functions that
//! the profile names there. Within the file the name decides, and among functions of one name the nearest line.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::names;
use crate::profile::{Frame, Line, Profile};

/// A function of the audited code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionPlace {
    /// Its file, relative to the audited root, with `/`.
    pub path: String,
    /// Its name inside the module, `Class.method`; empty for the module's own body.
    pub name: String,
    /// Its first line, decorators included, from 1.
    pub first_line: u32,
    /// Its last line.
    pub last_line: u32,
}

/// Lines by which a function may have moved where several have its name.
const DRIFT: u32 = 50;

/// The audited functions, ready to be looked up.
#[derive(Debug)]
pub struct Join<'a> {
    functions: &'a [FunctionPlace],
    /// Functions of each file.
    by_path: FxHashMap<&'a str, Vec<usize>>,
    /// Files of each file name.
    by_file_name: FxHashMap<&'a str, Vec<&'a str>>,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    /// The function, as its place in the list.
    pub function: usize,
    /// Its running line stands where the code has it today: calls can be told by their lines.
    pub exact: bool,
}

impl<'a> Join<'a> {
    /// Makes functions ready to be looked up.
    pub fn new(functions: &'a [FunctionPlace]) -> Self {
        let mut by_path: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
        for (index, function) in functions.iter().enumerate() {
            by_path.entry(&function.path).or_default().push(index);
        }
        let mut by_file_name: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
        for path in by_path.keys() {
            by_file_name.entry(path.rsplit('/').next().unwrap_or(path)).or_default().push(path);
        }
        for paths in by_file_name.values_mut() {
            paths.sort_unstable();
        }
        Self { functions, by_path, by_file_name }
    }

    /// The audited functions that were looked up.
    pub fn functions(&self) -> &'a [FunctionPlace] {
        self.functions
    }

    /// What each frame of a profile is.
    pub(crate) fn frames(&self, profile: &Profile) -> Vec<Option<Joined>> {
        let mut by_file: FxHashMap<&str, Vec<&Frame>> = FxHashMap::default();
        for frame in &profile.frames {
            by_file.entry(&frame.file).or_default().push(frame);
        }
        let paths: FxHashMap<&str, &str> =
            by_file.iter().filter_map(|(file, frames)| Some((*file, self.path(file, frames)?))).collect();
        let joined = profile.frames.iter().map(|frame| self.function(paths.get(&*frame.file)?, frame));
        joined.collect()
    }

    /// The audited file that a profile calls `file`.
    fn path(&self, file: &str, frames: &[&Frame]) -> Option<&'a str> {
        let file = file.replace('\\', "/");
        let parts: Vec<&str> = file.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let candidates = self.by_file_name.get(*parts.last()?)?;
        let least = least_shared(&parts);
        let fits = candidates.iter().filter_map(|path| {
            let shared = path.rsplit('/').zip(parts.iter().rev()).take_while(|(a, b)| a == *b).count();
            (shared >= least).then(|| (shared, self.named(path, frames), *path)).filter(|(shared, named, path)| {
                // A name alone, as `main.py`, says little: then the functions must be there.
                let whole = *shared == parts.len().min(path.split('/').count());
                *named >= 0.5 && (*named > 0.5 || *shared > 1 || whole)
            })
        });
        let fits: Vec<_> = fits.collect();
        let best = fits.iter().copied().max_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))?;
        let alike = fits.iter().filter(|(shared, named, _)| *shared == best.0 && *named >= best.1).count();
        (alike == 1).then_some(best.2)
    }

    /// The share of the named functions that a file has; 0.5 where nothing but its body is named.
    fn named(&self, path: &str, frames: &[&Frame]) -> f32 {
        let own: FxHashSet<&str> =
            self.by_path[path].iter().map(|index| names::simple(&self.functions[*index].name)).collect();
        let wanted: FxHashSet<&str> = frames
            .iter()
            .map(|frame| names::simple(&frame.function))
            .filter(|name| !name.is_empty() && !name.starts_with('<'))
            .collect();
        if wanted.is_empty() {
            return 0.5;
        }
        #[expect(clippy::cast_precision_loss, reason = "a file has some hundred functions")]
        let share = wanted.iter().filter(|name| own.contains(*name)).count() as f32 / wanted.len() as f32;
        // Half of them is not enough to tell a file by its name alone.
        share
    }

    fn function(&self, path: &str, frame: &Frame) -> Option<Joined> {
        let own = self.by_path.get(path)?;
        let simple = names::simple(&frame.function);
        if matches!(simple, "<module>") {
            let module = own.iter().copied().find(|index| self.functions[*index].name.is_empty())?;
            let exact = matches!(frame.line, Line::Running(line) if line <= self.functions[module].last_line);
            return Some(Joined { function: module, exact });
        }
        // A comprehension, a lambda or a bare line is the innermost function around its line.
        if simple.is_empty() || simple.starts_with('<') {
            let (Line::Running(line) | Line::First(line)) = frame.line else { return None };
            let around = own.iter().copied().filter(|index| self.contains(*index, line));
            let function = around.max_by_key(|index| (self.functions[*index].first_line, *index))?;
            return Some(Joined { function, exact: matches!(frame.line, Line::Running(_)) });
        }
        let mut alike: Vec<usize> =
            own.iter().copied().filter(|index| names::simple(&self.functions[*index].name) == simple).collect();
        // A qualified name tells methods apart.
        if let Some(around) = names::around(&frame.function) {
            let qualified = |index: &usize| {
                names::around(&self.functions[*index].name)
                    .is_some_and(|own| own == around || around.ends_with(&format!(".{own}")))
            };
            if alike.iter().any(qualified) {
                alike.retain(|index| qualified(index));
            }
        }
        let (Line::Running(line) | Line::First(line)) = frame.line else {
            return match alike.as_slice() {
                [only] => Some(Joined { function: *only, exact: false }),
                _ => None,
            };
        };
        let nearest = alike.iter().copied().min_by_key(|index| (self.distance(*index, line, frame.line), *index))?;
        if alike.len() > 1 && self.distance(nearest, line, frame.line) > DRIFT {
            return None;
        }
        let exact = matches!(frame.line, Line::Running(_)) && self.contains(nearest, line);
        Some(Joined { function: nearest, exact })
    }

    fn contains(&self, index: usize, line: u32) -> bool {
        let place = &self.functions[index];
        (place.first_line..=place.last_line).contains(&line)
    }

    /// Lines between a frame's line and where it should be in a function.
    fn distance(&self, index: usize, line: u32, kind: Line) -> u32 {
        let place = &self.functions[index];
        match kind {
            Line::First(_) => place.first_line.abs_diff(line),
            _ if self.contains(index, line) => 0,
            _ => place.first_line.abs_diff(line).min(place.last_line.abs_diff(line)),
        }
    }
}

/// How many parts from the end on must be shared: for an installed library all of its own path, so that the standard library's
/// `json/__init__.py` is nobody's `__init__.py`; otherwise the file name.
fn least_shared(parts: &[&str]) -> usize {
    let library = parts.iter().rposition(|part| {
        let version = part.strip_prefix("python").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        matches!(*part, "site-packages" | "dist-packages") || version
    });
    library.map_or(1, |index| parts.len() - index - 1).max(1)
}
