use http::HeaderValue;
use outcrop_config::{HeaderMatch, PathMatch, Pattern, Route};
use proptest::prelude::*;

use super::*;

fn named(name: &str) -> Named {
    Named { name: name.to_owned(), built_in: name.to_owned() }
}

fn table(routes: Vec<Vec<Match>>) -> Table {
    let routes = routes.into_iter().map(|matches| Route { matches, ..Route::default() }).collect();
    let mut notes = Notes::default();
    let table = Table::compile(&Config { routes, ..Config::default() }, &mut notes);
    assert_eq!(notes.0, []);
    table
}

fn find(
    table: &Table,
    path: &str,
    headers: &[(&'static str, &'static str)],
    model: &str,
) -> Option<usize> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_static(value));
    }
    let approach = Approach {
        listener: None,
        method: &Method::POST,
        path,
        query: Some("tier=gold"),
        headers: &map,
        authority: None,
    };
    table.find(&approach, path, Some(&named(model)))
}

#[test]
fn all_conditions_of_a_match_hold_and_any_match_of_a_route_does() {
    let header = |name: &str, value| HeaderMatch { name: name.to_owned(), value };
    let table = table(vec![
        vec![Match {
            hosts: vec!["*.example.com".to_owned(), "other.*".to_owned()],
            headers: vec![header("x-team", Pattern::Regex("a|b".to_owned()))],
            ..Match::default()
        }],
        vec![
            Match { path: Some(PathMatch::Prefix("/one/".to_owned())), ..Match::default() },
            Match { path: Some(PathMatch::Regex("/t[wu]o".to_owned())), ..Match::default() },
        ],
        vec![Match {
            query: vec![header("tier", Pattern::Exact("gold".to_owned()))],
            model: Some(Pattern::Wildcard("us.*haiku*".to_owned())),
            ..Match::default()
        }],
    ]);
    let host = ("host", "a.Example.com:8080");
    assert_eq!(find(&table, "/x", &[host, ("x-team", "b")], "m"), Some(0));
    assert_eq!(find(&table, "/x", &[host, ("x-team", "bb")], "m"), None);
    assert_eq!(find(&table, "/x", &[("host", "example.com"), ("x-team", "b")], "m"), None);
    let team = ("x-team", "b");
    assert_eq!(find(&table, "/x", &[("host", "other.example"), team], "m"), Some(0));
    assert_eq!(find(&table, "/x", &[("host", "another.example"), team], "m"), None);
    for path in ["/one", "/one/x", "/two"] {
        assert_eq!(find(&table, path, &[], "m"), Some(1), "{path}");
    }
    assert_eq!(find(&table, "/ones", &[], "m"), None);
    assert_eq!(find(&table, "/ones", &[], "us.x.haiku-4"), Some(2));
}

fn arbitrary_match() -> impl Strategy<Value = Match> {
    let text = || prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let model = prop::option::of(prop_oneof![
        text().prop_map(Pattern::Exact),
        text().prop_map(Pattern::Prefix),
        Just(Pattern::Any),
    ]);
    let path = prop::option::of(prop_oneof![
        text().prop_map(|t| PathMatch::Exact(format!("/{t}"))),
        text().prop_map(|t| PathMatch::Prefix(format!("/{t}"))),
        Just(PathMatch::Prefix("/".to_owned())),
    ]);
    let hosts = prop::collection::vec(text(), 0..2);
    (model, path, hosts).prop_map(|(model, path, hosts)| Match {
        model,
        path,
        hosts,
        ..Match::default()
    })
}

proptest! {
    /// The index finds what going through the table from its top finds.
    #[test]
    fn the_index_keeps_the_tables_order(
        routes in prop::collection::vec(prop::collection::vec(arbitrary_match(), 1..3), 0..8),
        path in "/[abc]", model in "[abc]", host in prop::sample::select(vec!["a", "b", "c"]),
    ) {
        let table = table(routes.clone());
        let found = find(&table, &path, &[("host", host)], &model);
        let slow = routes.iter().position(|matches| {
            matches.iter().any(|one| {
                let alone = self::table(vec![vec![one.clone()]]);
                find(&alone, &path, &[("host", host)], &model).is_some()
            })
        });
        prop_assert_eq!(found, slow);
    }
}
