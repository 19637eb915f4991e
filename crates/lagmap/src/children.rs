//! Processes that lagmap starts, and their end: by themselves, when their time is over, or with Ctrl-C.

use std::io;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long processes have to end when they are told to.
const GRACE: Duration = Duration::from_secs(5);
/// Between two looks at whether they have ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Ctrl-C, or a service manager's wish to end.
pub struct Interrupt {
    told: Arc<AtomicBool>,
    /// Nothing is left to be ended: the next one ends lagmap.
    done: Arc<AtomicBool>,
}

impl Interrupt {
    /// From now on an interrupt is noted, and ends nothing by itself.
    pub fn note() -> io::Result<Self> {
        let (told, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        #[cfg(unix)]
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&done))?;
            signal_hook::flag::register(signal, Arc::clone(&told))?;
        }
        Ok(Self { told, done })
    }

    fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }
}

/// Processes that were started, each with all that it starts.
pub struct Children {
    running: Vec<(String, Child)>,
    interrupt: Interrupt,
    manner: Manner,
}

/// How processes are asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Each with all that it started.
    All,
    /// What it started first: a profiler writes its file when its program has ended. If that does not help, by an interrupt.
    Below,
}

/// How one of them ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// Its name.
    pub name: String,
    /// Whether it said that all went well; nothing if it had to be ended.
    pub well: Option<bool>,
}

impl Children {
    /// None yet.
    pub fn new(interrupt: Interrupt, manner: Manner) -> Self {
        Self { running: Vec::new(), interrupt, manner }
    }

    /// Starts one in a process group of its own. It gets no input, and what it prints goes to the standard error stream: the
    /// standard output is the report's.
    pub fn start(&mut self, name: &str, command: &mut Command) -> io::Result<u32> {
        command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let child = command.spawn()?;
        let id = child.id();
        self.running.push((name.to_owned(), child));
        Ok(id)
    }

    /// Waits until all have ended by themselves, the time is over, or somebody interrupts; then ends what is left.
    pub fn wait(mut self, limit: Option<Duration>) -> io::Result<Vec<Ended>> {
        let until = limit.map(|limit| Instant::now() + limit);
        let mut ended = Vec::new();
        loop {
            self.reap(&mut ended, true)?;
            let over = until.is_some_and(|until| Instant::now() >= until);
            if self.running.is_empty() || over || self.interrupt.is_told() {
                break;
            }
            thread::sleep(PAUSE);
        }
        self.end(&mut ended)?;
        Ok(ended)
    }

    fn reap(&mut self, ended: &mut Vec<Ended>, alone: bool) -> io::Result<()> {
        let mut index = 0;
        while let Some((_, child)) = self.running.get_mut(index) {
            match child.try_wait()? {
                Some(status) => {
                    let (name, mut child) = self.running.remove(index);
                    // What it left behind has nobody to end it.
                    signal(&mut child, Wish::End);
                    ended.push(Ended { name, well: alone.then(|| status.success()) });
                }
                None => index += 1,
            }
        }
        Ok(())
    }

    /// Asks all to end, and then makes them.
    fn end(&mut self, ended: &mut Vec<Ended>) -> io::Result<()> {
        let wishes: &[Wish] = match self.manner {
            Manner::All => &[Wish::Ask],
            Manner::Below => &[Wish::AskBelow, Wish::Interrupt],
        };
        for wish in wishes {
            for (_, child) in &mut self.running {
                signal(child, *wish);
            }
            let until = Instant::now() + GRACE;
            while !self.running.is_empty() && Instant::now() < until {
                self.reap(ended, false)?;
                thread::sleep(PAUSE);
            }
        }
        for (_, child) in &mut self.running {
            signal(child, Wish::End);
            child.wait()?;
        }
        ended.extend(self.running.drain(..).map(|(name, _)| Ended { name, well: None }));
        Ok(())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        // Whatever went wrong, nothing stays behind.
        for (_, child) in &mut self.running {
            signal(child, Wish::End);
            let _ = child.wait();
        }
        self.interrupt.done.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy)]
enum Wish {
    Ask,
    AskBelow,
    Interrupt,
    End,
}

/// Tells a process, or all of its group, to end. One that is gone needs nothing: errors are none.
#[cfg(unix)]
fn signal(child: &mut Child, wish: Wish) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = match wish {
        Wish::Ask => kill_process_group(group, Signal::TERM),
        Wish::AskBelow => {
            let below = below(child.id());
            for id in below.iter().filter_map(|id| Pid::from_raw(*id)) {
                let _ = kill_process(id, Signal::TERM);
            }
            if below.is_empty() { kill_process(group, Signal::INT) } else { Ok(()) }
        }
        Wish::Interrupt => kill_process(group, Signal::INT),
        Wish::End => {
            // What the leader was asked to end was asked, too, and may need a little longer.
            let _ = kill_process_group(group, Signal::TERM);
            let until = Instant::now() + GRACE;
            while Instant::now() < until && test_kill_process_group(group).is_ok() {
                let _ = child.try_wait();
                thread::sleep(PAUSE);
            }
            kill_process_group(group, Signal::KILL)
        }
    };
}

/// The processes that a process started, where the system says so.
#[cfg(unix)]
fn below(id: u32) -> Vec<i32> {
    let started_by = |status: &str| -> Option<u32> {
        status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
    };
    let ids = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let found: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        (started_by(&status) == Some(id)).then_some(found)
    });
    ids.collect()
}

/// Ends a process.
#[cfg(not(unix))]
fn signal(child: &mut Child, _: Wish) {
    let _ = child.kill();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", text]);
        command
    }

    #[test]
    fn the_time_ends_a_process_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let (mark, left) = (folder.path().join("mark"), folder.path().join("left"));
        let text = format!(
            "trap 'echo > {}; exit 0' TERM; (sleep 3; echo > {}) & while :; do sleep 0.05; done",
            mark.display(),
            left.display()
        );
        let mut children = Children::new(Interrupt::note().unwrap(), Manner::All);
        children.start("one", &mut shell(&text)).unwrap();
        children.start("two", &mut shell("exit 3")).unwrap();
        let begun = Instant::now();
        let ended = children.wait(Some(Duration::from_millis(500))).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let of = |name: &str| ended.iter().find(|ended| ended.name == name).unwrap().well;
        assert_eq!((of("one"), of("two")), (None, Some(false)));
        assert!(mark.exists());
        thread::sleep(Duration::from_secs(3));
        assert!(!left.exists());
    }
}
