//! The progress bar: on the standard error stream, only at a terminal, and only for work that takes a while.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows nothing: a bar that flashes up only disturbs.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the bar is redrawn while nothing advances.
const TICK: Duration = Duration::from_millis(100);

/// The progress of one command. Threads may share it; dropping it removes the bar.
pub struct Progress {
    bar: ProgressBar,
    /// Dropped with the progress: that ends the thread that waits to show the bar.
    _alive: Option<Sender<()>>,
}

impl Progress {
    /// A progress that never shows itself.
    pub fn none() -> Self {
        Self { bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()), _alive: None }
    }

    /// A progress that shows itself after [`PATIENCE`] if somebody is there to see it.
    pub fn start() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if !io::stderr().is_terminal() {
            return Self { bar, _alive: None };
        }
        let (alive, dropped) = mpsc::channel();
        let shown = bar.clone();
        thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Self { bar, _alive: Some(alive) }
    }

    /// Begins a part of the work: "reading files", with the number of steps if it is known.
    pub fn part(&self, name: &'static str, steps: Option<u64>) {
        let template = if steps.is_some() { "{spinner} {msg} {bar:30} {pos}/{len}" } else { "{spinner} {msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        match steps {
            Some(steps) => self.bar.set_length(steps),
            None => self.bar.unset_length(),
        }
        self.bar.set_message(name);
    }

    /// Shows nothing until the next part: something else writes to the terminal.
    pub fn pause(&self) {
        self.bar.finish_and_clear();
    }

    /// Takes one step of the part.
    pub fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
