//! Backends.

use super::{Context, Needed, path};
use crate::backend::{
    AssumeRole, Backend, CredentialHeaders, Identity, IdentitySource, OidcExchange, Without,
};
use crate::front::Item;
use crate::front::outcrop::print::{Printing, text};
use crate::front::outcrop::short::{Many, Short, Table};
use crate::front::outcrop::written;

impl Context<'_, '_> {
    pub(in crate::front::outcrop) fn backend(
        &mut self,
        name: &str,
        Short(written): Short<written::Backend>,
    ) -> Option<Item> {
        let written::Backend {
            region,
            endpoint,
            endpoints,
            identity,
            carrier,
            geography,
            timeouts,
            ca_bundle,
            max_concurrent,
            max_queued,
            max_slowdown,
        } = written;
        let backend = Backend {
            region: filled(region),
            endpoint,
            endpoints: endpoints.0,
            identity: self.identity(identity.unwrap_or_default()),
            carrier: carrier.map(Into::into),
            geography,
            timeouts: timeouts.into(),
            ca_bundle: path(ca_bundle),
            max_concurrent,
            max_queued,
            max_slowdown,
            origin: self.origin(),
        };
        Some(Item::Backend(name.to_owned(), Box::new(backend)))
    }

    fn identity(&mut self, written: written::Identity) -> Identity {
        let written::Identity {
            profile,
            keys,
            credentials_file,
            api_key,
            web_identity,
            oidc,
            roles,
            mint_api_keys,
            credential_headers,
        } = written;
        let choices = vec![
            ("identity.profile", filled(profile).map(IdentitySource::Profile)),
            ("identity.keys", keys.map(|keys| self.keys(keys))),
            (
                "identity.credentials_file",
                credentials_file.map(|file| self.credentials_file(file.0)),
            ),
            (
                "identity.api_key",
                api_key.map(|key| IdentitySource::ApiKey(self.secret(key, "identity.api_key"))),
            ),
            ("identity.web_identity", web_identity.map(|web| self.web_identity(web))),
            ("identity.oidc", oidc.map(|oidc| self.oidc(oidc))),
        ];
        let source = self.only(choices, Needed::No).unwrap_or_default();
        let roles = roles.0.into_iter().enumerate();
        Identity {
            source,
            roles: roles
                .map(|(i, Short(role))| self.role(role, &format!("identity.roles[{i}]")))
                .collect(),
            mint_api_keys,
            credential_headers: credential_headers.map(|Short(headers)| headers.into()),
        }
    }

    fn keys(&mut self, written: written::KeyPair) -> IdentitySource {
        let written::KeyPair { access_key_id, secret_access_key, session_token } = written;
        IdentitySource::Keys {
            access_key_id: self.quiet_secret(access_key_id, "identity.keys.access_key_id"),
            secret_access_key: self.secret(secret_access_key, "identity.keys.secret_access_key"),
            session_token: session_token
                .map(|token| self.secret(token, "identity.keys.session_token")),
        }
    }

    fn credentials_file(&mut self, written: written::CredentialsFile) -> IdentitySource {
        let written::CredentialsFile { text, profile } = written;
        IdentitySource::CredentialsFile {
            text: self.secret(text, "identity.credentials_file.text"),
            profile: filled(profile).unwrap_or_else(|| "default".to_owned()),
        }
    }

    fn web_identity(&mut self, written: written::WebIdentity) -> IdentitySource {
        let written::WebIdentity { token_file, role } = written;
        IdentitySource::WebIdentity {
            token_file: token_file.into(),
            role: self.role(role.0, "identity.web_identity.role"),
        }
    }

    fn oidc(&mut self, written: written::Oidc) -> IdentitySource {
        let written::Oidc { issuer, token_endpoint, client_id, client_secret, scopes, .. } =
            written;
        let written::Oidc { audience, resource, role, .. } = written;
        IdentitySource::Oidc(OidcExchange {
            issuer,
            token_endpoint,
            client_id,
            client_secret: self.secret(client_secret, "identity.oidc.client_secret"),
            scopes: scopes.0,
            audience,
            resource,
            role: self.role(role.0, "identity.oidc.role"),
        })
    }

    fn role(&mut self, written: written::Role, path: &str) -> AssumeRole {
        let written::Role { arn, external_id, session_name, duration, tags, policy } = written;
        AssumeRole {
            arn,
            external_id: external_id
                .map(|id| self.quiet_secret(id, &format!("{path}.external_id"))),
            session_name,
            duration: duration.map(|duration| duration.0),
            tags: tags.0,
            policy,
        }
    }
}

/// An empty text is none: a variable with an empty default makes one in quotes, and without quotes nothing at all.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

impl From<written::CredentialHeaders> for CredentialHeaders {
    fn from(written: written::CredentialHeaders) -> Self {
        let written::CredentialHeaders { prefix, without } = written;
        let without = match without {
            written::Without::UseConfigured => Without::UseConfigured,
            written::Without::Refuse => Without::Refuse,
        };
        Self { prefix, without }
    }
}

impl Printing {
    pub(in crate::front::outcrop) fn backend(&mut self, backend: &Backend) -> written::Backend {
        let Backend {
            region,
            endpoint,
            endpoints,
            identity,
            carrier,
            geography,
            timeouts,
            ca_bundle,
            max_concurrent,
            max_queued,
            max_slowdown,
            origin: _,
        } = backend;
        let identity = (*identity != Identity::default()).then(|| self.identity(identity));
        written::Backend {
            region: region.clone(),
            endpoint: endpoint.clone(),
            endpoints: Table(endpoints.clone()),
            identity,
            carrier: carrier.and_then(written::CarrierWord::of),
            geography: geography.clone(),
            timeouts: timeouts.into(),
            ca_bundle: ca_bundle.as_deref().map(text),
            max_concurrent: *max_concurrent,
            max_queued: *max_queued,
            max_slowdown: *max_slowdown,
        }
    }

    fn identity(&mut self, identity: &Identity) -> written::Identity {
        let Identity { source, roles, mint_api_keys, credential_headers } = identity;
        let mut written = written::Identity {
            roles: Many(roles.iter().map(|role| Short(self.role(role))).collect()),
            mint_api_keys: *mint_api_keys,
            credential_headers: credential_headers.as_ref().map(|headers| Short(headers.into())),
            ..written::Identity::default()
        };
        match source {
            IdentitySource::Chain => {}
            IdentitySource::Profile(profile) => written.profile = Some(profile.clone()),
            IdentitySource::ApiKey(key) => written.api_key = Some(self.secret(key)),
            IdentitySource::Keys { access_key_id, secret_access_key, session_token } => {
                written.keys = Some(written::KeyPair {
                    access_key_id: self.secret(access_key_id),
                    secret_access_key: self.secret(secret_access_key),
                    session_token: session_token.as_ref().map(|token| self.secret(token)),
                });
            }
            IdentitySource::CredentialsFile { text, profile } => {
                let (text, profile) = (self.secret(text), Some(profile.clone()));
                written.credentials_file = Some(Short(written::CredentialsFile { text, profile }));
            }
            IdentitySource::WebIdentity { token_file, role } => {
                let (token_file, role) = (text(token_file), Short(self.role(role)));
                written.web_identity = Some(written::WebIdentity { token_file, role });
            }
            IdentitySource::Oidc(exchange) => written.oidc = Some(self.oidc(exchange)),
        }
        written
    }

    fn oidc(&mut self, exchange: &OidcExchange) -> written::Oidc {
        let OidcExchange { issuer, token_endpoint, client_id, client_secret, scopes, .. } =
            exchange;
        let OidcExchange { audience, resource, role, .. } = exchange;
        written::Oidc {
            audience: audience.clone(),
            resource: resource.clone(),
            issuer: issuer.clone(),
            token_endpoint: token_endpoint.clone(),
            client_id: client_id.clone(),
            client_secret: self.secret(client_secret),
            scopes: Many(scopes.clone()),
            role: Short(self.role(role)),
        }
    }

    fn role(&mut self, role: &AssumeRole) -> written::Role {
        let AssumeRole { arn, external_id, session_name, duration, tags, policy } = role;
        written::Role {
            arn: arn.clone(),
            external_id: external_id.as_ref().map(|id| self.secret(id)),
            session_name: session_name.clone(),
            duration: duration.map(written::DurationText),
            tags: Table(tags.clone()),
            policy: policy.clone(),
        }
    }
}

impl From<&CredentialHeaders> for written::CredentialHeaders {
    fn from(headers: &CredentialHeaders) -> Self {
        let CredentialHeaders { prefix, without } = headers;
        let without = match without {
            Without::UseConfigured => written::Without::UseConfigured,
            Without::Refuse => written::Without::Refuse,
        };
        Self { prefix: prefix.clone(), without }
    }
}
