//! What an error says together with what it came from, in one line for people.
//!
//! Some errors repeat their cause in their own sentence, others keep it to themselves;
//! a reader wants each sentence once, and no line break in the middle of a log line.

use std::error::Error;

/// An error and what it came from.
pub fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + Clone {
    // Copied out, or the cause would seem to live only as long as the closure's argument.
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

/// Sentences in one line, without those that the one before ends with already.
#[must_use]
pub fn joined(sentences: impl IntoIterator<Item = String>) -> String {
    let mut said: Vec<String> = Vec::new();
    for sentence in sentences {
        let line = sentence.split_whitespace().collect::<Vec<_>>().join(" ");
        if !said.last().is_some_and(|last| last.ends_with(&line)) {
            said.push(line);
        }
    }
    said.join(": ")
}

/// An error with its causes in one line.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    joined(causes(error).map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_said_once_and_in_one_line() {
        let said = |sentences: &[&str]| joined(sentences.iter().map(ToString::to_string));
        assert_eq!(said(&["not sent", "no route"]), "not sent: no route");
        assert_eq!(
            said(&["not sent: no route", "no route"]),
            "not sent: no route"
        );
        assert_eq!(
            said(&["not sent", "not sent", "no\n  route"]),
            "not sent: no route"
        );
        assert_eq!(said(&["not sent", ""]), "not sent");
    }
}
