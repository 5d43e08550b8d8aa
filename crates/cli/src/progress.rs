//! Shows a run's events on standard error: a bar for long steps, a line per proof.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use underpin_model::{Event, EventSink};
use underpin_report::estimate::{estimate, filled};
use underpin_report::text::{TextStyle, proof_line};

use crate::output;
use crate::settings::Settings;

/// The listener of the command line.
pub struct Progress {
    bar: ProgressBar,
    shown: bool,
    live: bool,
    style: TextStyle,
    steps: Mutex<Steps>,
}

/// When the step that is shown began, for an estimate of its end.
#[derive(Default)]
struct Steps {
    current: Option<(String, Instant, u64)>,
}

impl Steps {
    /// Returns how long the step takes from now on at its speed so far, once that can be told.
    fn left(&mut self, what: &str, done: u64, total: u64) -> Option<String> {
        match &self.current {
            Some((known, start, first)) if known == what => {
                let elapsed = start.elapsed().as_secs_f64();
                estimate(elapsed, done.saturating_sub(*first), total.saturating_sub(done))
            }
            _ => {
                self.current = Some((what.to_owned(), Instant::now(), done));
                None
            }
        }
    }
}

impl Progress {
    /// Returns a listener; it is silent when the settings say so, and draws no bar off a terminal.
    pub fn new(settings: &Settings) -> Progress {
        let live = settings.progress() && std::io::stderr().is_terminal();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        if live {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        let style = TextStyle { color: live && settings.color(), ..TextStyle::default() };
        Progress { bar, shown: settings.progress(), live, style, steps: Mutex::default() }
    }

    fn line(&self, text: &str) {
        if self.shown {
            self.bar.suspend(|| output::remark(text));
        }
    }
}

impl EventSink for Progress {
    fn emit(&self, event: Event) {
        match event {
            Event::RunStarted { project, proofs } => {
                self.line(&format!("Proving {project}: {}.", proofs.join(", ")))
            }
            Event::ServerStarted { purpose, version, duration_ms } => {
                self.bar
                    .set_message(format!("PostgreSQL {version} ({purpose}) is up after {duration_ms} ms"));
            }
            Event::TemplateReady { cached, duration_ms } => {
                let how = if cached { "taken from the cache" } else { "built" };
                self.line(&format!("Template {how} in {:.1} s.", duration_ms as f64 / 1000.0));
            }
            Event::ProofStarted { proof } => self.bar.set_message(proof),
            Event::Progress { what, done, total, unit } => {
                let left = self.steps.lock().ok().and_then(|mut steps| steps.left(&what, done, total));
                let left = left.map(|left| format!(", {left} left")).unwrap_or_default();
                self.bar.set_message(format!("{}{what}: {done}/{total} {unit}{left}", filled(done, total)))
            }
            Event::Remark { text } => self.line(&text),
            Event::ProofFinished { mut report } => {
                // The sentence stands in the result, which most people see on the same screen.
                report.reason = None;
                self.line(&proof_line(&report, &self.style));
            }
            Event::RunFinished { .. } => self.bar.finish_and_clear(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.live {
            self.bar.finish_and_clear();
        }
    }
}
