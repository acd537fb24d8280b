//! Which request goes where.

use http::Method;

use super::{
    InFlight, LiteLlm, Release, auth, chat,
    errors::{crash, detail},
    facts, models,
};
use crate::{
    json::{Json, list, object},
    service::{Reply, ReplyBody, Request},
};

/// Bodies of this many bytes and more pass through the compressing part of the stack, which says so.
const COMPRESSIBLE: usize = 500;

/// A known path.
#[derive(Clone, Copy, PartialEq)]
enum Route {
    Home,
    Liveliness,
    Readiness,
    UiConfig,
    Routes,
    Test,
    OpenApi,
    ReadinessDetails,
    Backlog,
    Health,
    HealthServices,
    Models,
    ModelInfo,
    ModelGroups,
    Chat,
}

impl Route {
    fn find(release: Release, path: &str) -> Option<Self> {
        let route = match path {
            "/" | "/redoc" => Route::Home,
            "/health/liveliness" | "/health/liveness" => Route::Liveliness,
            "/health/readiness" => Route::Readiness,
            "/.well-known/litellm-ui-config" => Route::UiConfig,
            "/routes" => Route::Routes,
            "/test" => Route::Test,
            "/openapi.json" => Route::OpenApi,
            "/health/readiness/details" => Route::ReadinessDetails,
            "/health/backlog" => Route::Backlog,
            "/health" => Route::Health,
            "/health/services" => Route::HealthServices,
            "/v1/models" | "/models" => Route::Models,
            "/model/info" | "/v1/model/info" => Route::ModelInfo,
            "/model_group/info" => Route::ModelGroups,
            path if is_chat(path) => Route::Chat,
            _ => return None,
        };
        let is_later = matches!(route, Route::ReadinessDetails | Route::Backlog);
        (release == Release::V1_106_2 || !is_later).then_some(route)
    }

    fn is_public(self) -> bool {
        use Route::{Home, Liveliness, OpenApi, Readiness, Routes, Test, UiConfig};
        matches!(self, Home | Liveliness | Readiness | UiConfig | Routes | Test | OpenApi)
    }
}

pub(super) fn is_chat(path: &str) -> bool {
    matches!(path, "/v1/chat/completions" | "/chat/completions")
}

/// Answers one request.
pub(super) async fn answer(service: &LiteLlm, request: Request, in_flight: InFlight) -> Reply {
    let reply = find(service, request, in_flight).await;
    if service.release == Release::V1_106_2 && !reply.bare {
        let is_large = matches!(&reply.body, ReplyBody::Whole(bytes) if bytes.len() >= COMPRESSIBLE);
        return reply.with("vary", if is_large { "Origin, Accept-Encoding" } else { "Origin" });
    }
    reply
}

async fn find(service: &LiteLlm, request: Request, in_flight: InFlight) -> Reply {
    let Some(route) = Route::find(service.release, &request.path) else {
        service.miss().await;
        return detail(404, "Not Found");
    };
    if request.path == "/health" {
        let call = format!("{} /health calls every upstream model", request.method);
        service.setup.book.forbidden(call);
    }
    let allowed = if route == Route::Chat { Method::POST } else { Method::GET };
    if request.method != allowed {
        return detail(405, "Method Not Allowed").with("allow", allowed.as_str());
    }
    if !route.is_public()
        && let Some(refusal) = auth::refuse(service, &request)
    {
        return refusal;
    }
    match route {
        Route::Chat => chat::answer(service, request, in_flight).await,
        Route::Home => {
            let html = "<!DOCTYPE html><html><head><title>LiteLLM API - Swagger UI</title></head><body></body></html>";
            Reply::text(200, "text/html; charset=utf-8", html)
        }
        Route::Health => {
            let (health, notice) = facts::health(service.setup.key.is_some());
            let reply = Reply::compact_json(200, &health);
            match notice {
                Some(notice) => reply.with("litellm-health-field-notice", notice),
                None => reply,
            }
        }
        Route::HealthServices => services(&request),
        route => fact(service, route, &in_flight).map_or_else(crash, |fact| Reply::compact_json(200, &fact)),
    }
}

fn fact(service: &LiteLlm, route: Route, in_flight: &InFlight) -> Option<Json> {
    Some(match route {
        Route::Liveliness => Json::from("I'm alive!"),
        Route::Readiness => facts::readiness(service.release),
        Route::ReadinessDetails => facts::details(),
        Route::UiConfig => facts::ui_config(),
        Route::Routes => facts::routes(),
        Route::Test => object! { "route" => "/test" },
        Route::OpenApi => facts::openapi(service.setup.version),
        Route::Models => models::list(),
        Route::ModelInfo => models::info(),
        Route::ModelGroups => models::groups(),
        // The request that asks is counted too.
        Route::Backlog => object! {
            "in_flight_requests" => in_flight.count(),
            "admitted_requests" => 0,
            "queued_requests" => 0,
            "rejected_requests" => 0,
        },
        Route::Home | Route::Health | Route::HealthServices | Route::Chat => return None,
    })
}

fn services(request: &Request) -> Reply {
    match request.parameter("service") {
        Some(service) => {
            let message = format!("Service must be in list. Service={service}");
            Reply::compact_json(400, &object! { "detail" => object! { "error" => message } })
        }
        None => {
            let missing = object! {
                "type" => "missing", "loc" => list!["query", "service"], "msg" => "Field required", "input" => Json::Null
            };
            Reply::compact_json(422, &object! { "detail" => list![missing] })
        }
    }
}
