//! Takes out of a message what only the operator may see.
//!
//! ARNs, bare 12-digit account ids, and host names or URLs become placeholders; everything else,
//! above all the texts that clients match on, stays as it is.

/// `message` without ARNs, account ids, URLs and AWS host names.
pub fn scrub(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|c: char| !is_delimiter(c)) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(is_delimiter).unwrap_or(word.len());
        out.push_str(&scrub_word(&word[..end]));
        rest = &word[end..];
    }
    out.push_str(rest);
    out
}

fn is_delimiter(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';')
}

fn scrub_word(word: &str) -> String {
    let body = word.trim_end_matches(['.', ':', '!', '?']);
    let tail = &word[body.len()..];
    let hidden = if let Some(at) = body.find("arn:aws") {
        // What stands before it, such as a URL with the ARN in its path, has no ARN in it.
        format!("{}[resource]", scrub_word(&body[..at]))
    } else if body.contains("://") || is_aws_host(body) {
        "[endpoint]".to_owned()
    } else {
        hide_accounts(body)
    };
    hidden + tail
}

fn is_aws_host(word: &str) -> bool {
    [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".api.aws",
        ".amazonaws.eu",
        ".ic.gov",
        ".sgov.gov",
        ".internal",
    ]
    .iter()
    .any(|suffix| word.contains(suffix))
}

/// Replaces runs of exactly twelve digits.
fn hide_accounts(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        let run = &rest[start..];
        let end = run.find(|c: char| !c.is_ascii_digit()).unwrap_or(run.len());
        out.push_str(if end == 12 { "[account]" } else { &run[..end] });
        rest = &run[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::scrub;

    #[test]
    fn hides_what_only_the_operator_may_see() {
        assert_eq!(
            scrub(
                "User: arn:aws:sts::123456789012:assumed-role/gw/i-1 is not authorized to perform: bedrock:InvokeModel on resource: arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/x."
            ),
            "User: [resource] is not authorized to perform: bedrock:InvokeModel on resource: [resource]."
        );
        assert_eq!(
            scrub("account 123456789012, host bedrock.us-east-1.amazonaws.com"),
            "account [account], host [endpoint]"
        );
        assert_eq!(scrub("see http://internal.example/x"), "see [endpoint]");
        assert_eq!(
            scrub("POST https://bedrock-runtime.us-east-1.amazonaws.com/model/arn:aws:bedrock:x"),
            "POST [endpoint][resource]"
        );
        assert_eq!(scrub("of 123456789012/arn:aws:bedrock:x"), "of [account]/[resource]");
    }

    #[test]
    fn keeps_texts_that_clients_match_on() {
        for text in [
            "prompt is too long: 210000 tokens > 200000 maximum",
            "Input is too long.",
            "maximum is 1234567890123 bytes",
        ] {
            assert_eq!(scrub(text), text);
        }
    }
}
