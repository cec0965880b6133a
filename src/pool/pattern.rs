//! Patterns of guardrails: `*` stands for any characters, `?` for one, all else for itself.
//!
//! The whole value has to match. As in IAM, `*` also stands for `/` and `:`.

use regex_lite::Regex;

/// Longest pattern: as long as an ARN can be (IAM, 2,048 characters).
const LONGEST: usize = 2048;

/// Some patterns, of which one has to match.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<Regex>);

impl Patterns {
    /// Reads a list.
    ///
    /// # Errors
    /// What is wrong with the first pattern that cannot be read.
    pub(super) fn read(field: &str, texts: &[String]) -> Result<Self, String> {
        let pattern = |text: &String| pattern(text).ok_or_else(|| refusal(field, text));
        texts
            .iter()
            .map(pattern)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether one of them matches.
    pub(super) fn take(&self, value: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(value))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn refusal(field: &str, text: &str) -> String {
    format!(
        "spec.guardrails.{field} has the pattern {text:?}, which cannot be read: write 1 to {LONGEST} \
         characters, with * for any characters and ? for one."
    )
}

fn pattern(text: &str) -> Option<Regex> {
    let is_whole = !text.is_empty() && text.chars().count() <= LONGEST;
    if !is_whole || text.trim() != text || text.chars().any(char::is_control) {
        return None;
    }
    let mut regex = String::from("(?s)^");
    for char in text.chars() {
        match char {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            other => regex.push_str(&regex_lite::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    Regex::new(&regex).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, value: &str) -> bool {
        let patterns = Patterns::read("roleARNs", &[pattern.to_owned()]);
        patterns.expect("a pattern").take(value)
    }

    #[test]
    fn a_star_stands_for_any_characters_and_a_question_mark_for_one() {
        assert!(takes(
            "arn:aws:iam::1:role/apps/*",
            "arn:aws:iam::1:role/apps/a/b"
        ));
        assert!(takes(
            "arn:aws:iam::1:role/apps/*",
            "arn:aws:iam::1:role/apps/"
        ));
        assert!(takes("role-?", "role-7"));
        assert!(!takes("role-?", "role-"));
        assert!(takes("*", ""));
    }

    #[test]
    fn the_whole_value_has_to_match() {
        assert!(!takes("role/apps", "role/apps-admin"));
        assert!(!takes("role/apps", "x/role/apps"));
        assert!(!takes("role/apps", "role/apps\nx"));
        assert!(!takes("role/apps", "Role/apps"));
    }

    #[test]
    fn all_other_characters_stand_for_themselves() {
        assert!(takes("a.b+(c)[d]|e^f$\\{g}", "a.b+(c)[d]|e^f$\\{g}"));
        assert!(!takes("a.b", "axb"));
        assert!(!takes("a|b", "a"));
    }

    #[test]
    fn what_no_value_can_match_is_named() {
        for text in ["", " ", " a", "a\n", &"a".repeat(LONGEST + 1)] {
            let read = Patterns::read("roleARNs", &[text.to_owned()]);
            assert!(
                read.is_err_and(|why| why.contains("spec.guardrails.roleARNs")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn no_pattern_takes_nothing() {
        assert!(!Patterns::default().take(""));
    }
}
