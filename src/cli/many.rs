//! Many runs at once: whole simulations beside each other, never threads inside of one.
//!
//! Runs are begun in the order in which they are given and reported in that order, so that what is
//! printed does not depend on the number of workers.

use super::Failure;
use crate::sim::{Progress, Watcher};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::ThreadPoolBuilder;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// Progress over all runs, by simulated time, shown with the time that is left.
pub(super) struct Meter {
    bar: Option<ProgressBar>,
    runs: usize,
}

impl Meter {
    /// `total_s`: simulated seconds of all runs together.
    pub(super) fn new(shown: bool, runs: usize, total_s: u64) -> Self {
        let template = "{bar:40} {percent}% of {msg}, {eta} left";
        let style = || ProgressStyle::with_template(template).expect("a valid template");
        let bar = shown.then(|| ProgressBar::new(total_s.max(1)).with_style(style()));
        let meter = Self { bar, runs };
        meter.tell(0);
        meter
    }
    /// So many runs are done.
    pub(super) fn tell(&self, done: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} runs, {done} done", self.runs));
        }
    }
    /// For one run of this length.
    pub(super) fn of_run(&self, length_s: u64) -> RunMeter {
        RunMeter { bar: self.bar.clone(), length_s, shown_s: 0 }
    }
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
    /// Prints to standard output above the bar.
    pub(super) fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| super::print(text)),
            None => super::print(text),
        }
    }
}

/// Moves the bar while one run goes on; when it is dropped, that run is over.
pub(super) struct RunMeter {
    bar: Option<ProgressBar>,
    length_s: u64,
    shown_s: u64,
}

impl Watcher for RunMeter {
    fn progress(&mut self, progress: Progress) {
        let now_s = (progress.now.0.max(0) as u64 / 1_000_000_000).min(self.length_s);
        if let (Some(bar), true) = (&self.bar, now_s > self.shown_s) {
            bar.inc(now_s - self.shown_s);
            self.shown_s = now_s;
        }
    }
}

impl Drop for RunMeter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.inc(self.length_s - self.shown_s);
        }
    }
}

/// Does the work for all items on `jobs` workers (0: as many as there are cores) and gives the
/// results in order to `done`, each as soon as those before it are there. When `done` says that it
/// has had enough, no more work is begun.
///
/// # Errors
/// If there cannot be so many workers.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(usize, R) -> bool,
) -> Result<(), Failure> {
    let pool = ThreadPoolBuilder::new().num_threads(jobs).build();
    let pool = pool.map_err(|e| Failure::Input(format!("error: cannot start workers: {e}\nhelp: lower --jobs")))?;
    let enough = AtomicBool::new(false);
    let (sender, receiver) = mpsc::channel();
    pool.in_place_scope_fifo(|scope| {
        for (i, item) in items.iter().enumerate() {
            let (sender, work, enough) = (sender.clone(), &work, &enough);
            scope.spawn_fifo(move |_| {
                if !enough.load(Ordering::Relaxed) {
                    // Nobody listens any more when enough has been had.
                    let _ = sender.send((i, work(item)));
                }
            });
        }
        drop(sender);
        let mut waiting: Vec<Option<R>> = items.iter().map(|_| None).collect();
        let mut next = 0;
        'all: for (i, result) in receiver {
            waiting[i] = Some(result);
            while let Some(result) = waiting.get_mut(next).and_then(Option::take) {
                if !done(next, result) {
                    enough.store(true, Ordering::Relaxed);
                    break 'all;
                }
                next += 1;
            }
        }
    });
    Ok(())
}

/// While it lives, a broken assertion in a core prints nothing: its run reports it.
pub(super) struct Quiet;

impl Quiet {
    pub(super) fn new() -> Self {
        std::panic::set_hook(Box::new(|_| {}));
        Self
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = std::panic::take_hook();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_workers() {
        let items: Vec<u64> = (0..200).collect();
        for jobs in [1, 2, 7] {
            let mut got = Vec::new();
            let work = |n: &u64| {
                // Later ones are quicker.
                let spin: u64 = (0..(200 - n) * 50).fold(*n, |x, k| x.wrapping_mul(31).wrapping_add(k));
                (n * 2, spin)
            };
            let all = in_order(&items, jobs, work, |i, (double, _)| {
                got.push((i, double));
                true
            });
            assert!(all.is_ok());
            assert_eq!(got, (0..200).map(|i| (i, i as u64 * 2)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn enough_is_enough() {
        let items: Vec<u64> = (0..1000).collect();
        let mut seen = Vec::new();
        let stopped = in_order(
            &items,
            2,
            |n| *n,
            |_, n| {
                seen.push(n);
                n < 5
            },
        );
        assert!(stopped.is_ok());
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
    }
}
