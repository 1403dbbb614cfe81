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
    #[serde(default)]
    bedrock: Vec<String>,
}

/// The longest label of a host's name.
const MOST: usize = 63;

/// Whether `region` can be the name of one: it becomes a part of hosts.
pub fn is_well_formed(region: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !region.is_empty()
        && region.len() <= MOST
        && region.bytes().all(legal)
        && !region.starts_with('-')
        && !region.ends_with('-')
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

/// The regions that have Bedrock, of the partition of `region`; of the first one's if it is in none.
pub fn with_bedrock(region: &str) -> &'static [String] {
    let partitions = &built_in().partitions;
    let own = partitions.iter().find(|partition| partition.bedrock.iter().any(|r| r == region));
    own.or(partitions.first()).map_or(&[], |partition| &partition.bedrock)
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
        let with_bedrock = built_in().partitions.iter().flat_map(|partition| &partition.bedrock);
        assert!(
            with_bedrock.clone().count() > 30 && with_bedrock.into_iter().all(|r| is_likely(r))
        );
        assert_eq!(super::with_bedrock("us-gov-west-1"), ["us-gov-east-1", "us-gov-west-1"]);
        assert!(super::with_bedrock("eu-west-9").contains(&"us-east-1".to_owned()));
        assert!(like("us-esat-2").contains(&"us-east-2".to_owned()));
    }
}
