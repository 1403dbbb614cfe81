//! Which model was meant by a name that there is not.

use outcrop_config::words::nearest;
use outcrop_model::{Catalog, alias};

/// More names than these nobody reads.
const FEW: usize = 3;

/// Names that hold all words of `asked`, the shortest first; else the one that is written most alike.
pub fn meant(asked: &str) -> Option<String> {
    let listed = Catalog::built_in().listed().iter().map(|model| model.id.as_str());
    let known: Vec<&str> = alias::names().map(|(name, _)| name).chain(listed).collect();
    let lower = asked.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut fit: Vec<&str> =
        known.iter().copied().filter(|name| words.iter().all(|word| name.contains(word))).collect();
    fit.sort_by_key(|name| name.len());
    fit.truncate(FEW);
    if fit.is_empty() || words.is_empty() {
        fit = nearest(asked, known).into_iter().collect();
    }
    (!fit.is_empty()).then(|| format!("Did you mean {}?", fit.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_slips_find_names() {
        let sonnet = meant("Sonnet 4.5").unwrap();
        assert!(sonnet.starts_with("Did you mean claude-sonnet-4-5,"), "{sonnet}");
        assert_eq!(meant("claude-sonet-4-5").unwrap(), "Did you mean claude-sonnet-4-5?");
        assert_eq!((meant("xyzzy-9000-quux"), meant("")), (None, None));
    }
}
