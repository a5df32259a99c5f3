//! What is told of somebody else's error, in a line that holds nothing of a request or a row.
//!
//! A service may say in its message what it was asked, and a parser what it was given.

/// Letters in a row that a word has at most: what is random and longer has digits, or is left out.
const LETTERS: usize = 20;
/// How much of a message is told.
const WORDS: usize = 60;

/// A message without whatever could be data: words of plain letters are left of it, among them what
/// is denied (`dynamodb:GetItem`).
pub fn words(message: &str) -> String {
    let mut told: Vec<&str> = Vec::new();
    for word in message.split_whitespace().take(WORDS) {
        let word = if is_plain(word) { word } else { "..." };
        if word != "..." || told.last() != Some(&word) {
            told.push(word);
        }
    }
    told.join(" ")
}

fn is_plain(word: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic();
    word.chars().all(|c| is_letter(c) || ".,:;'`()-/_".contains(c))
        && word.split(|c| !is_letter(c)).all(|letters| letters.len() <= LETTERS)
}

/// An answer of AWS's that is an error: its code, and the words of its message.
pub fn answer(code: Option<&str>, message: Option<&str>) -> String {
    format!("{}: {}", code.unwrap_or("unknown"), words(message.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_told_and_to_whom_and_what_is_not() {
        let message = "User: arn:aws:sts::000000000000:assumed-role/list-keys/list-keys is not \
                       authorized to perform: dynamodb:GetItem on resource: \
                       arn:aws:dynamodb:us-east-1:000000000000:table/frontdesk";
        assert_eq!(
            answer(Some("AccessDeniedException"), Some(message)),
            "AccessDeniedException: User: ... is not authorized to perform: dynamodb:GetItem on \
             resource: ..."
        );
        let long = "AccessDenied to secretsmanager:GetSecretValue and dynamodb:TransactWriteItems";
        assert_eq!(words(long), long);
        assert_eq!(answer(None, None), "unknown: ");
    }

    #[test]
    fn nothing_of_a_request_or_a_row_is_told() {
        for data in [
            "grace@example.com",
            "{\"email\":{\"S\":\"grace\"}}",
            "123456",
            "fd_live_6AL6OUl2Re2Q6Wr3HrJkHKyhwubrBNljYpd8eKi5tke4TCdgahN4A89Vh",
            "fds_abcdefghijklmnopqrstuvwxyz",
            "grace%40example.com",
            "inv_1.a.b",
            "2001:db8::1",
            "\"grace\"",
        ] {
            let message = format!("invalid value: string {data} {data}, expected a key");
            assert_eq!(words(&message), "invalid value: string ... expected a key", "{data}");
        }
    }
}
