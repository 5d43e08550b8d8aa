//! The runbook of a recovery to a point in time: the commands that ran, what came of each wish, and what was not tested.

use super::{Pitr, Recovery};

/// Whether a runbook has what differs from run to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figures {
    /// With numbers of commits, times and sizes.
    Shown,
    /// Without, so that the document changes only when a command does.
    LeftOut,
}

/// Returns the runbook as Markdown.
pub fn render(measured: &Pitr, figures: Figures) -> String {
    let mut text = String::from(
        "# Runbook: back to a point in time\n\n\
         Clients wrote on a server that archives its log, and kept their own record of every commit in its order. Then a\n\
         transaction deleted everything and committed. Every command below ran; `$BACKUPS` holds the backups and the archive\n\
         (`wal/`), `$NEW` the recovered data folders.\n",
    );
    text.push_str("\n## What came back\n\n");
    match figures {
        Figures::Shown => text.push_str(
            "| target | backup | commits expected | found | | RTO | replay |\n|---|---|---:|---:|---|---:|---:|\n",
        ),
        Figures::LeftOut => text.push_str("| target | backup | |\n|---|---|---|\n"),
    }
    for one in &measured.recoveries {
        text.push_str(&row(one, figures));
    }
    if let Some(loss) = measured.machine_lost.as_ref() {
        let lost = match figures {
            Figures::Shown => format!("{} commits, the oldest {} ms old, were", loss.commits, loss.rpo_ms),
            Figures::LeftOut => "commits younger than the last archived segment were".to_owned(),
        };
        let rest = if loss.whole { "and nothing before them" } else { "and others before them too: BROKEN" };
        text.push_str(&format!(
            "\nWhen the machine is lost with its disk, only the archive is left: with `archive_timeout = {}s` {lost} gone, {rest}.\n",
            loss.archive_timeout_s
        ));
    }
    text.push_str("\n## What is refused\n\n| wish | answer |\n|---|---|\n");
    for one in &measured.refusals {
        let said = one.said.as_deref().unwrap_or("NOT REFUSED").replace('|', "/").replace('\n', " ");
        text.push_str(&format!("| {} | {} |\n", one.wish, shown(&said, figures)));
    }
    text.push_str("\n## The commands\n\n```console\n");
    for step in &measured.commands {
        text.push_str(&format!("$ {}\n", shown(&step.command, figures)));
        if !step.output.trim().is_empty() {
            text.push_str(&format!("{}\n", shown(step.output.trim(), figures)));
        }
    }
    text.push_str(
        "```\n\n## What was not tested\n\n\
         Archives on another machine or in S3, encryption, compression, backups with tablespaces (refused), segments of another\n\
         size than 16 MB, another major version. `kill -9` leaves the operating system's cache intact, unlike a power cut.\n",
    );
    text
}

fn row(one: &Recovery, figures: Figures) -> String {
    let result = one.differs.as_deref().unwrap_or("exact to the commit");
    match figures {
        Figures::LeftOut => {
            // The scaled interval is no part of what the document says.
            let target = one
                .target
                .split_once(" s before")
                .map_or(one.target.clone(), |(_, rest)| format!("seconds before{rest}"));
            format!("| {target} | {} | {} |\n", one.backup, shown(result, figures))
        }
        Figures::Shown => format!(
            "| {} | {} | {} | {} | {result} | {} ms | {:.1} MB in {} ms |\n",
            one.target,
            one.backup,
            one.expected,
            one.found_told(),
            one.rto_ms,
            one.replay_bytes as f64 / 1e6,
            one.replay_ms
        ),
    }
}

/// Masks places of the log, segments, times and transaction ids.
fn shown(text: &str, figures: Figures) -> String {
    if figures == Figures::Shown {
        return text.to_owned();
    }
    let mut masked = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || "/.:+-".contains(letter) {
            word.push(letter);
            continue;
        }
        masked.push_str(&mask(&word));
        word.clear();
        masked.push(letter);
    }
    masked.pop();
    masked
}

fn mask(word: &str) -> String {
    let ending = word.trim_end_matches(['.', ':']);
    let rest = &word[ending.len()..];
    let hexadecimal = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
    };
    let is_place = ending.split_once('/').is_some_and(|(high, low)| hexadecimal(high) && hexadecimal(low));
    let is_segment = ending.len() == 24 && hexadecimal(ending);
    let is_time = ending.len() >= 10
        && ending.starts_with("20")
        && ending.as_bytes()[4] == b'-'
        && !ending.starts_with("2020-01-01");
    let is_clock = ending.len() >= 8 && ending.as_bytes()[2] == b':' && ending.contains('.');
    let name = match (is_place, is_segment, is_time || is_clock) {
        (true, ..) => "$LSN",
        (_, true, _) => "$SEGMENT",
        (.., true) => "$TIME",
        _ if ending.parse::<u64>().is_ok_and(|number| number > 100) => "$N",
        _ => return word.to_owned(),
    };
    format!("{name}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_masked() {
        let line = "recovery_target_lsn = '0/3028E78' # 000000010000000000000003, 2026-11-22 14:05:00.123456+00, xid 742.";
        assert_eq!(
            shown(line, Figures::LeftOut),
            "recovery_target_lsn = '$LSN' # $SEGMENT, $TIME $TIME, xid $N."
        );
        assert_eq!(
            shown("cp -a $BACKUPS/first/base $NEW/recovered_0", Figures::LeftOut),
            "cp -a $BACKUPS/first/base $NEW/recovered_0"
        );
    }
}
