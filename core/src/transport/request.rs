//! A driver's request, checked against the policy and completed with what only the host knows.

use super::{Failure, Policy, Round, address::Route, body::Payload, headers, limits::Limits, policy::Grant};
use mdd_driver_api::abi::{Header, HttpRequest, RVec, WsRequest};
use reqwest::{
    Method,
    header::{CONTENT_LENGTH, COOKIE, HeaderMap, HeaderName, HeaderValue, IF_RANGE, RANGE},
};
use serde::Deserialize;
use std::sync::Arc;
use url::Url;

/// Options that a request carries in `ext`. Unknown ones are ignored.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Options {
    /// Ask without secrets and cookies: "does it still want a key?"
    anonymous: bool,
}

impl Options {
    fn read(ext: &str) -> Result<Self, Failure> {
        if ext.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(ext).map_err(|error| Failure::Blocked(format!("`ext` is not valid: {error}")))
    }
}

/// An HTTP request ready to be sent, more than once if need be.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) url: Url,
    headers: HeaderMap,
    body: Payload,
    pub(super) limits: Limits,
    pub(super) route: Route,
    pub(super) anonymous: bool,
    round: Option<Arc<Round>>,
}

impl Call {
    /// For an answer that is read as a whole.
    pub(super) async fn for_answer(policy: &Policy, request: &HttpRequest) -> Result<Self, Failure> {
        let grant = policy.grant()?;
        let limits = Limits::of_answer(request, grant.is_candidate());
        Self::prepare(policy, &grant, request, limits).await
    }

    /// For an answer that is read piece by piece.
    pub(super) async fn for_stream(policy: &Policy, request: &HttpRequest) -> Result<Self, Failure> {
        let grant = policy.grant()?;
        let limits = Limits::of_stream(request, grant.is_candidate());
        Self::prepare(policy, &grant, request, limits).await
    }

    async fn prepare(policy: &Policy, grant: &Grant, request: &HttpRequest, limits: Limits) -> Result<Self, Failure> {
        let options = Options::read(&request.ext)?;
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|_| Failure::Blocked("the method is not valid".to_owned()))?;
        let url = join(policy, &request.target)?;
        policy.check_method(grant, &method, &url)?;
        let mut headers = fields(policy, grant, options, &request.headers, &url)?;
        let body = Payload::of(policy, grant, &request.body).await?;
        if !body.is_in_memory() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len));
        }
        Ok(Self {
            method,
            url,
            headers,
            body,
            limits,
            route: grant.route,
            anonymous: options.anonymous,
            round: grant.round().cloned(),
        })
    }

    /// Asks for the rest of the body, as long as it is the same one; for all of it where nothing has come.
    pub(super) fn go_on_at(&mut self, bytes: u64, validator: Option<&HeaderValue>) {
        self.headers.remove(RANGE);
        self.headers.remove(IF_RANGE);
        if let Some(validator) = validator.filter(|_| bytes > 0)
            && let Ok(range) = HeaderValue::try_from(format!("bytes={bytes}-"))
        {
            self.headers.insert(RANGE, range);
            self.headers.insert(IF_RANGE, validator.clone());
        }
    }

    /// Whether sending it twice is the same as sending it once.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// The round that may know the answer, and the question's name in it. A request with cookies is nobody else's.
    pub(super) fn shared(&self) -> Option<(Arc<Round>, String)> {
        let plain = self.method == Method::GET && self.body.len == 0 && !self.headers.contains_key(COOKIE);
        let round = self.round.clone().filter(|_| plain)?;
        let mut fields: Vec<String> = self.headers.iter().map(|field| format!("{field:?}")).collect();
        fields.sort_unstable();
        Some((round, format!("{} {} {}", self.url, self.limits.max_bytes, fields.join(" "))))
    }

    /// The request for the client.
    pub(super) async fn request(&self) -> Result<reqwest::Request, Failure> {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        if self.body.len > 0 || !self.is_repeatable() {
            *request.body_mut() = Some(self.body.clone().into_http().await?);
        }
        Ok(request)
    }
}

/// A WebSocket handshake, checked in the same way.
pub(super) struct Handshake {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) route: Route,
    pub(super) anonymous: bool,
}

impl Handshake {
    pub(super) fn prepare(policy: &Policy, request: &WsRequest) -> Result<Self, Failure> {
        let grant = policy.grant()?;
        if grant.is_candidate() {
            return Err(Failure::Blocked("a WebSocket to a service that was not identified".to_owned()));
        }
        let options = Options::read(&request.ext)?;
        let url = join(policy, &request.target)?;
        Ok(Self {
            headers: fields(policy, &grant, options, &request.headers, &url)?,
            url,
            route: grant.route,
            anonymous: options.anonymous,
        })
    }
}

fn join(policy: &Policy, target: &str) -> Result<Url, Failure> {
    let url = policy.endpoint().join(target);
    url.map_err(|error| Failure::Blocked(error.to_string()))
}

/// The driver's fields with the secrets and cookies of the instance.
fn fields(
    policy: &Policy,
    grant: &Grant,
    options: Options,
    from_driver: &RVec<Header>,
    url: &Url,
) -> Result<HeaderMap, Failure> {
    let taken: Vec<HeaderName> = grant.secret_fields().iter().map(|(name, _)| name.clone()).collect();
    let mut headers = headers::from_driver(from_driver, &taken)?;
    if !options.anonymous {
        headers.extend(grant.secret_fields().iter().cloned());
        if let Some(cookies) = policy.cookies().to_send(url) {
            headers.insert(COOKIE, cookies);
        }
    }
    Ok(headers)
}
