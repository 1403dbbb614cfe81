//! Secrets that stand in a definition as they are.

use super::Way;

/// Words in the names of what holds secrets.
const NAMES: [&str; 9] = [
    "token",
    "secret",
    "password",
    "passwd",
    "credential",
    "apikey",
    "authorization",
    "cookie",
    "pat",
];
/// What begins many secrets.
const BEGINS: [&str; 14] = [
    "sk-",
    "sk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "ASIA",
    "ABSK",
    "Bearer ",
    "Basic ",
    "eyJ",
];
/// A word in the end of a name that is mostly one's of a secret: X-Key, API_KEY.
const KEY: &str = "key";

/// The names of what holds a secret as it is, as people know them.
pub fn secrets(way: &Way) -> Vec<String> {
    let mut found = Vec::new();
    match way {
        Way::Stdio { command: _, args, env, cwd: _ } => {
            let env = env.iter().filter(|(name, value)| is_secret(name, value));
            found.extend(env.map(|(name, _)| format!("the variable {name}")));
            let names = std::iter::once("").chain(args.iter().map(String::as_str));
            for (before, arg) in names.zip(args) {
                let named = arg.strip_prefix("--").and_then(|arg| arg.split_once('='));
                let (name, value) = named.unwrap_or((before, arg));
                let name = if named.is_some() || is_flag(name) { name } else { "" };
                if is_secret(name, value) && !value.starts_with('-') {
                    found.push(match name {
                        "" => "an argument".to_owned(),
                        name => format!("the argument {}", name.trim_start_matches('-')),
                    });
                }
            }
        }
        Way::Http { url, headers, bearer_variable: _ } => {
            let headers = headers.iter().filter(|(name, value)| is_secret(name, value));
            found.extend(headers.map(|(name, _)| format!("the header {name}")));
            let (address, query) = url.split_once('?').unwrap_or((url, ""));
            let host = address.split_once("://").map_or("", |(_, rest)| rest);
            let host = host.split('/').next().unwrap_or_default();
            let has_password = host.contains('@') && !host.contains('$');
            let mut members = query.split('&').filter_map(|member| member.split_once('='));
            if has_password || members.any(|(name, value)| is_secret(name, value)) {
                found.push("the address".to_owned());
            }
        }
    }
    found
}

/// Whether what comes after it may be its value.
fn is_flag(arg: &str) -> bool {
    arg.starts_with('-') && !arg.contains('=')
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_lowercase();
    let words = || name.split(|c: char| !c.is_alphanumeric());
    let is_named = NAMES.iter().any(|known| words().any(|word| word == *known))
        || ["token", "secret", "password", "apikey"].iter().any(|known| name.contains(known))
        || name.ends_with(KEY);
    let is_known = BEGINS.iter().any(|begin| value.starts_with(begin)) && value.len() >= 16;
    !value.is_empty() && !value.contains("${") && (is_named || is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_references_and_other_values() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        let args = ["--api-key", "abc", "--port=80", "--token=x", "ghp_0123456789abcdef", "--keys"];
        let way = Way::Stdio {
            command: "x".to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: pairs(&[("TOKEN", "x"), ("HOME", "/x"), ("MY_KEY", "${K}"), ("PATH", "/bin")]),
            cwd: None,
        };
        let expected =
            ["the variable TOKEN", "the argument api-key", "the argument token", "an argument"];
        assert_eq!(secrets(&way), expected);
        for (url, header, count) in [
            ("https://h/mcp", ("Authorization", "Bearer ${T}"), 0),
            ("https://h/mcp", ("Authorization", "Bearer t"), 1),
            ("https://u:p@h/mcp", ("X-Trace", "on"), 1),
            ("https://h/mcp?api_key=5", ("X-Key", "${K}"), 1),
            ("https://h/mcp?page=5", ("Accept", "x"), 0),
        ] {
            let headers = pairs(&[header]);
            let way = Way::Http { url: url.to_owned(), headers, bearer_variable: None };
            assert_eq!(secrets(&way).len(), count, "{url} {header:?}");
        }
    }
}
