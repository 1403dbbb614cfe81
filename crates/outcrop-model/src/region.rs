//! Names of AWS's regions, as far as their form tells. New regions appear, so nothing is refused by it.

use std::sync::OnceLock;

use serde::Deserialize;

const BUILT_IN: &str = include_str!("../../../catalog/endpoints.toml");

#[derive(Debug, Deserialize)]
struct File {
    directions: Vec<String>,
    partitions: Vec<Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    beginnings: Vec<String>,
}

/// Whether `region` looks like the name of a region: `us-east-1`.
pub fn is_likely(region: &str) -> bool {
    let Some((rest, number)) = region.rsplit_once('-') else { return false };
    let Some((beginning, direction)) = rest.rsplit_once('-') else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number
        && built_in().directions.iter().any(|known| known == direction)
        && beginnings().any(|known| known == beginning)
}

/// All names that the known beginnings and directions make, with the number of `region`.
pub fn like(region: &str) -> Vec<String> {
    let digits = region.trim_start_matches(|c: char| !c.is_ascii_digit());
    let number = if digits.is_empty() { "1" } else { digits };
    let directions = &built_in().directions;
    beginnings()
        .flat_map(|beginning| directions.iter().map(move |d| format!("{beginning}-{d}-{number}")))
        .collect()
}

fn beginnings() -> impl Iterator<Item = &'static str> {
    built_in().partitions.iter().flat_map(|partition| &partition.beginnings).map(String::as_str)
}

fn built_in() -> &'static File {
    static FILE: OnceLock<File> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "compiled in and parsed by a test")]
    FILE.get_or_init(|| toml::from_str(BUILT_IN).expect("the built-in endpoints parse"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_region_is_known() {
        let regions =
            ["us-east-1", "us-gov-west-1", "ap-northeast-3", "eusc-de-east-1", "eu-west-9"];
        assert!(regions.into_iter().all(is_likely));
        let wrong = ["us-esat-1", "useast1", "us-east", "us-east-1a", "xx-east-1", "", "-", "--1"];
        assert!(!wrong.into_iter().any(is_likely));
        assert!(like("us-esat-2").contains(&"us-east-2".to_owned()));
    }
}
