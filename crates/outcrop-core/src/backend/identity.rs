//! Who a backend's configuration says that the gateway is.

use std::time::Duration;

use outcrop_aws::{Address, Given, IdentityWish, Lookup, Oidc, Role, Text, TokenRole};
use outcrop_config::{AssumeRole, Identity, IdentitySource, OidcExchange, Secret};

use super::Trouble;

/// What is asked of the wire to AWS. Secrets that resolve to nothing leave it to the environment.
pub(super) fn wish(identity: &Identity, lookup: Lookup<'_>) -> Result<IdentityWish, Trouble> {
    let Identity { source, roles, mint_api_keys, credential_headers: _ } = identity;
    let mut roles = roles.iter().map(|role| self::role(role, lookup));
    let mut wish = IdentityWish {
        role: roles.next().transpose()?,
        further_roles: roles.collect::<Result<_, _>>()?,
        mint_api_keys: *mint_api_keys,
        ..IdentityWish::default()
    };
    match source {
        IdentitySource::Chain => {}
        IdentitySource::Profile(name) => wish.profile = Some(name.clone()),
        IdentitySource::Keys { access_key_id, secret_access_key, session_token } => {
            wish.given = keys(access_key_id, secret_access_key, session_token.as_ref(), lookup)?;
        }
        IdentitySource::CredentialsFile { text, profile } => {
            let text = required(text, "credentials file", lookup)?;
            wish.given = Some(Given::Shared { text, profile: profile.clone() });
        }
        IdentitySource::ApiKey(key) => wish.api_key = Some(required(key, "API key", lookup)?),
        IdentitySource::WebIdentity { token_file, role } => {
            let (token_file, role) = (token_file.clone(), token_role(role)?);
            wish.given = Some(Given::WebIdentity { token_file, role });
        }
        IdentitySource::Oidc(exchange) => wish.oidc = Some(oidc(exchange, lookup)?),
    }
    Ok(wish)
}

fn oidc(exchange: &OidcExchange, lookup: Lookup<'_>) -> Result<Oidc, Trouble> {
    let OidcExchange { issuer, token_endpoint, client_id, client_secret, scopes, .. } = exchange;
    let OidcExchange { audience, resource, role, .. } = exchange;
    let address = |url: &String| url.parse::<Address>().map_err(Trouble::Wrong);
    Ok(Oidc {
        issuer: address(issuer)?,
        token_endpoint: token_endpoint.as_ref().map(address).transpose()?,
        client_id: client_id.clone(),
        client_secret: required(client_secret, "client secret", lookup)?,
        scopes: scopes.clone(),
        audience: audience.clone(),
        resource: resource.clone(),
        role: token_role(role)?,
    })
}

/// `None` where neither of the two is anything.
fn keys(
    id: &Secret,
    secret: &Secret,
    session_token: Option<&Secret>,
    lookup: Lookup<'_>,
) -> Result<Option<Given>, Trouble> {
    let session_token = match session_token {
        Some(token) => text(token, lookup)?,
        None => None,
    };
    match (text(id, lookup)?, text(secret, lookup)?) {
        (Some(id), Some(secret)) => Ok(Some(Given::Keys { id, secret, session_token })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half("access key id", "secret access key")),
        (None, Some(_)) => Err(half("secret access key", "access key id")),
    }
}

fn half(present: &str, missing: &str) -> Trouble {
    Trouble::Wrong(format!("The {present} is set but the {missing} is not: set both, or neither."))
}

fn required(secret: &Secret, what: &str, lookup: Lookup<'_>) -> Result<Text, Trouble> {
    text(secret, lookup)?.ok_or_else(|| {
        let place = match secret {
            Secret::Env(name) => format!("{name} is not set"),
            Secret::File(_) | Secret::Inline(_) => "it is empty".into(),
        };
        Trouble::Wrong(format!("There is no {what}: {place}."))
    })
}

/// What a reference leads to; `None` for an unset variable and for an empty text.
fn text(secret: &Secret, lookup: Lookup<'_>) -> Result<Option<Text>, Trouble> {
    let value = |text: String| (!text.trim().is_empty()).then_some(Text::Value(text));
    match secret {
        Secret::Env(name) => Ok(lookup(name).and_then(value)),
        Secret::File(path) => Ok(Some(Text::File(path.clone()))),
        Secret::Inline(text) => Ok(value(text.reveal().to_owned())),
    }
}

fn role(role: &AssumeRole, lookup: Lookup<'_>) -> Result<Role, Trouble> {
    let AssumeRole { arn, external_id, session_name, duration, tags, policy } = role;
    let external_id = match external_id {
        Some(Secret::File(path)) => {
            let read = std::fs::read_to_string(path);
            let read = read.map_err(|e| Trouble::Wrong(format!("The external id: {e}")))?;
            Some(read.trim().to_owned())
        }
        Some(secret) => match required(secret, "external id", lookup)? {
            Text::Value(text) => Some(text),
            Text::File(_) => None,
        },
        None => None,
    };
    Ok(Role {
        external_id,
        session_name: session_name.clone(),
        session_length: session_length(*duration)?,
        tags: tags.clone(),
        policy: policy.clone(),
        ..Role::new(arn).map_err(Trouble::Wrong)?
    })
}

/// With a token there is neither external id nor tags: the configuration is checked for that.
fn token_role(role: &AssumeRole) -> Result<TokenRole, Trouble> {
    let AssumeRole { arn, external_id: _, session_name, duration, tags: _, policy } = role;
    Ok(TokenRole {
        arn: Role::new(arn).map_err(Trouble::Wrong)?.arn,
        session_name: session_name.clone(),
        session_length: session_length(*duration)?,
        policy: policy.clone(),
    })
}

fn session_length(duration: Option<Duration>) -> Result<Option<Duration>, Trouble> {
    let checked = duration.map(|duration| Role::session_length(duration.as_secs()));
    checked.transpose().map_err(Trouble::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_config::Redacted;

    fn inline(text: &str) -> Secret {
        Secret::Inline(Redacted::new(text))
    }

    fn resolve(source: IdentitySource) -> Result<IdentityWish, Trouble> {
        let identity = Identity { source, ..Identity::default() };
        wish(&identity, &|name| (name == "SET").then(|| "hush".to_owned()))
    }

    #[test]
    fn keys_that_are_nothing_leave_it_to_the_environment() {
        let keys = |access_key_id, secret_access_key| {
            resolve(IdentitySource::Keys { access_key_id, secret_access_key, session_token: None })
        };
        let unset = || Secret::Env("UNSET".to_owned());
        assert_eq!(keys(unset(), unset()).unwrap().given, None);
        assert_eq!(keys(inline(" "), unset()).unwrap().given, None);
        assert!(keys(inline("AKIA"), Secret::Env("SET".to_owned())).unwrap().given.is_some());
        for trouble in [keys(inline("hush"), unset()), keys(unset(), inline("hush"))] {
            let Err(Trouble::Wrong(what)) = trouble else { panic!("{trouble:?}") };
            assert!(what.contains("set both") && !what.contains("hush"), "{what}");
        }
    }

    #[test]
    fn a_key_that_is_asked_for_must_be_there_and_is_never_shown() {
        let missing = resolve(IdentitySource::ApiKey(Secret::Env("UNSET".to_owned())));
        assert_eq!(
            missing.unwrap_err(),
            Trouble::Wrong("There is no API key: UNSET is not set.".to_owned())
        );
        let wish = resolve(IdentitySource::ApiKey(Secret::Env("SET".to_owned()))).unwrap();
        assert!(wish.api_key.is_some() && !format!("{wish:?}").contains("hush"));
    }
}
