//! Where a key belongs that is in the wrong place, as the schema says it.

use std::collections::VecDeque;

use serde_json::Value;

use super::schema::schema;
use crate::words;

/// So many places are named.
const FEW: usize = 3;

/// What to write instead of `key`: a name like it out of those that are `known` there, else the mappings
/// that it is a key of, else those that are known.
pub(super) fn instead<'a>(
    key: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if words::nearest(key, known.clone()).is_none() {
        let places = places(&schema(), key);
        if !places.is_empty() {
            return Some(format!("it is a key of {}", places.join(", ")));
        }
    }
    words::instead(key, known)
}

/// The mappings that have `key`, the outermost first.
fn places(root: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    // A schema, its path, and the definitions that lead there.
    let mut waiting = VecDeque::from([(root, String::new(), Vec::<&str>::new())]);
    while let Some((schema, path, mut through)) = waiting.pop_front() {
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            if !through.contains(&name) {
                through.push(name);
                waiting.push_back((&root["definitions"][name], path, through));
            }
            continue;
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let place =
                if path.is_empty() { "the file itself".to_owned() } else { format!("`{path}`") };
            if name == key && !found.contains(&place) {
                found.push(place);
                if found.len() >= FEW {
                    return found;
                }
            }
            let dot = if path.is_empty() { "" } else { "." };
            waiting.push_back((member, format!("{path}{dot}{name}"), through.clone()));
        }
        for several in ["anyOf", "oneOf", "allOf"] {
            let several = schema[several].as_array().into_iter().flatten();
            waiting.extend(several.map(|one| (one, path.clone(), through.clone())));
        }
        for (of, step) in [("items", "[]"), ("additionalProperties", ".NAME")] {
            if schema[of].is_object() {
                waiting.push_back((&schema[of], format!("{path}{step}"), through.clone()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_wrong_place_hears_of_the_right_one() {
        let says = |key| instead(key, ["name", "targets"]).unwrap();
        assert_eq!(says("route_header"), "it is a key of `defaults`, `routes[].policy`");
        assert_eq!(says("limits"), "it is a key of the file itself");
        assert_eq!(says("target"), "did you mean `targets`?");
        assert_eq!(says("frobnicate"), "there is name, targets");
    }
}
