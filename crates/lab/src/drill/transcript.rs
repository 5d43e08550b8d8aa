//! What ran, told so that it reads the same in every run.

use underpin_model::evidence::TranscriptStep;

/// Returns the steps with each text of `words`, such as a folder of this run, replaced by its word.
pub(super) fn told(steps: Vec<TranscriptStep>, words: &[(String, String)]) -> Vec<TranscriptStep> {
    let step = |step: TranscriptStep| TranscriptStep {
        command: worded(&step.command, words),
        output: worded(&step.output, words),
        ..step
    };
    steps.into_iter().map(step).collect()
}

/// Returns the text with each text of `words` replaced by its word.
pub(super) fn worded(text: &str, words: &[(String, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_become_words_in_commands_and_in_what_they_print() {
        let step = TranscriptStep {
            command: "pg_ctl -D /x/1/data".into(),
            output: "in /x/1".into(),
            ..TranscriptStep::default()
        };
        let told = told(vec![step], &[("/x/1".into(), "$NODES".into())]);
        assert_eq!(
            (told[0].command.as_str(), told[0].output.as_str()),
            ("pg_ctl -D $NODES/data", "in $NODES")
        );
    }
}
