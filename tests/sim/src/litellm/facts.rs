//! Facts about the proxy: alive, ready, configured.

use super::Release;
use crate::json::{self, Json, list, object};

const HEALTH_WITH_KEY: &str = include_str!("../../../fixtures/litellm/key_auth_health.json");
const HEALTH_WITHOUT_KEY: &str = include_str!("../../../fixtures/litellm/nokey_health.json");

/// `GET /health/readiness`: the older release tells everything to everybody.
pub(super) fn readiness(release: Release) -> Json {
    match release {
        Release::V1_106_2 => object! { "status" => "healthy", "db" => "Not connected" },
        Release::V1_75_8 => {
            let callbacks = list![
                "sync_deployment_callback_on_success",
                "_PROXY_VirtualKeyModelMaxBudgetLimiter",
                "ForwardClientSideHeadersByModelGroup",
                "_PROXY_MaxBudgetLimiter",
                "_PROXY_MaxParallelRequestsHandler",
                "_PROXY_CacheControlCheck",
                "ServiceLogging"
            ];
            described("1.75.8", callbacks)
        }
    }
}

/// `GET /health/readiness/details` of the later release.
pub(super) fn details() -> Json {
    let callbacks = list![
        "sync_deployment_callback_on_success",
        "_PROXY_VirtualKeyModelMaxBudgetLimiter",
        "_PROXY_MaxParallelRequestsHandler_v3",
        "_PROXY_CacheControlCheck",
        "ResponsesIDSecurity",
        "SkillsInjectionHook",
        "_PROXY_MaxIterationsHandler",
        "_PROXY_MaxBudgetPerSessionHandler",
        "_PROXY_SensitiveDataRoutingHandler",
        "PromptCacheObserver",
        "ServiceLogging"
    ];
    let mut details = described("1.106.2", callbacks);
    details.set("log_level", "WARNING");
    details.set("is_detailed_debug", false);
    details.set("show_no_redis_warning", true);
    details.set("show_env_credential_login_warning", true);
    details
}

fn described(version: &str, callbacks: Json) -> Json {
    object! {
        "status" => "healthy",
        "db" => "Not connected",
        "cache" => Json::Null,
        "litellm_version" => version,
        "success_callbacks" => callbacks,
        "use_aiohttp_transport" => true,
    }
}

/// `GET /.well-known/litellm-ui-config`.
pub(super) fn ui_config() -> Json {
    object! {
        "server_root_path" => "",
        "proxy_base_url" => Json::Null,
        "auto_redirect_to_sso" => false,
        "admin_ui_disabled" => false,
        "sso_configured" => false,
        "hide_default_credentials_hint" => false,
        "is_control_plane" => false,
        "mcp_stdio_enabled" => false,
        "workers" => list![],
    }
}

/// The body of `GET /health` and the notice that only anonymous callers get.
pub(super) fn health(has_key: bool) -> (Json, Option<String>) {
    let recorded = if has_key { HEALTH_WITH_KEY } else { HEALTH_WITHOUT_KEY };
    let recorded = json::parse(recorded.as_bytes()).unwrap_or(Json::Null);
    let notice = recorded.get("headers").and_then(|headers| headers.get("litellm-health-field-notice"));
    let notice = notice.and_then(Json::as_str).map(str::to_owned);
    (recorded.get("json").cloned().unwrap_or(Json::Null), notice)
}

/// `GET /routes`, much abridged.
pub(super) fn routes() -> Json {
    let route = |path: &str| object! { "path" => path, "methods" => list!["GET"], "name" => path };
    object! { "routes" => list![route("/v1/models"), route("/health/liveliness"), route("/health/readiness")] }
}

/// `GET /openapi.json`, without its 737 paths.
pub(super) fn openapi(version: &str) -> Json {
    object! {
        "openapi" => "3.1.0",
        "info" => object! { "title" => "LiteLLM API", "version" => version },
        "paths" => object! {},
    }
}
