//! Command lines for people to paste: what is printed must mean the same to their shell.

/// A word as a POSIX shell reads it, with quotes only where it needs them.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_=./:,@%+".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quoted;

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        for word in [
            "",
            "plain-1.2/x:y=z",
            "two words",
            "it's",
            "$HOME `id` \"\\\n*",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }

    #[test]
    fn a_plain_word_stays_as_it_is() {
        assert_eq!(quoted("--for=condition=Ready"), "--for=condition=Ready");
    }
}
