//! The table of methods. Dispatch and schema are both made from it, so neither knows a method that the other does not.

use super::{
    BackendAddition, BackendChoice, BackendMove, BackendTest, BackendTested, ConfigChange, ConfigChoice, DriverAnswer,
    DriverChoice, Drivers, ErrorCode, FolderAnswer, HandOver, HandOverAnswer, Hello, HelloAnswer, JobChoice, JobList,
    Kinds, MetricsAnswer, Nothing, ProjectChoice, ProjectConsent, ProjectOpened, ProjectOpening, RpcError,
};
use crate::{
    config::ConfigView,
    events::{JobView, Snapshot},
    health::HealthView,
    jobs::Submission,
};
use mdd_driver_api::text::printable;
use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A method as the schema shows it.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) params: fn(&mut SchemaGenerator) -> Schema,
    pub(super) result: fn(&mut SchemaGenerator) -> Schema,
}

macro_rules! service {
    ($($name:literal $method:ident($params:ty) -> $result:ty: $about:literal,)*) => {
        /// Whoever answers requests.
        pub(super) trait Service {
            $(
                #[doc = $about]
                async fn $method(&mut self, params: $params) -> Result<$result, RpcError>;
            )*
        }

        /// Calls a method by its name.
        pub(super) async fn call(service: &mut impl Service, method: &str, params: Value) -> Result<Value, RpcError> {
            match method {
                $($name => given(&service.$method(taken(params)?).await?),)*
                _ => Err(unknown(method)),
            }
        }

        pub(super) const METHODS: &[Method] = &[$(Method {
            name: $name,
            about: $about,
            params: SchemaGenerator::subschema_for::<$params>,
            result: SchemaGenerator::subschema_for::<$result>,
        },)*];
    };
}

service! {
    "hello" hello(Hello) -> HelloAnswer: "Must be the first request.",
    "ping" ping(Nothing) -> Nothing: "Shows that the host is alive.",
    "snapshot" snapshot(Nothing) -> Snapshot: "Everything as it is now.",
    "subscribe" subscribe(Nothing) -> Nothing:
        "From now on the host sends `update`: a snapshot first, then changes.",
    "unsubscribe" unsubscribe(Nothing) -> Nothing: "Ends that.",
    "backends.refresh" refresh_backends(Nothing) -> Nothing: "Tries at once whatever waits.",
    "backends.try" try_backend(BackendChoice) -> Nothing: "Tries one backend at once.",
    "backends.health" backend_health(BackendChoice) -> HealthView:
        "What is kept of one backend: uptime, response times, errors, and their course over a day.",
    "backends.add" add_backend(BackendAddition) -> Nothing: "Names a backend in the user's file of settings.",
    "backends.set" move_backend(BackendMove) -> Nothing: "Gives a backend another address.",
    "backends.remove" remove_backend(BackendChoice) -> Nothing: "Takes a backend out of the user's file of settings.",
    "backends.enable" enable_backend(BackendChoice) -> Nothing: "Switches a backend on.",
    "backends.disable" disable_backend(BackendChoice) -> Nothing: "Switches a backend off.",
    "backends.default" default_backend(BackendChoice) -> Nothing:
        "Lets jobs for its kind go to this backend when it can take them.",
    "backends.accept" accept_backend(BackendChoice) -> Nothing: "Gives the user's word for a service that was found.",
    "backends.test" test_backend(BackendTest) -> BackendTested: "Asks what an address is, and changes nothing.",
    "config.show" show_config(ConfigChoice) -> ConfigView: "Every setting with who set it.",
    "config.set" set_config(ConfigChange) -> ConfigView: "Writes a setting into the user's file and applies it.",
    "project.open" open_project(ProjectOpening) -> ProjectOpened: "Takes in the backends that a project names.",
    "project.close" close_project(ProjectChoice) -> Nothing: "Forgets them.",
    "project.accept" accept_project(ProjectConsent) -> Nothing: "Gives the user's word for a backend of a project.",
    "drivers.describe" describe_drivers(Nothing) -> Kinds: "Every kind that has a driver, with what the driver declares.",
    "drivers.list" list_drivers(Nothing) -> Drivers: "Every file of the plugins folders and what it is used for.",
    "drivers.trust" trust_driver(DriverChoice) -> DriverAnswer:
        "Lets a driver be used again that was put into quarantine, and allows it where only what is allowed is used.",
    "drivers.quarantine" quarantine_driver(DriverChoice) -> DriverAnswer: "Uses a driver no more.",
    "drivers.forget" forget_driver(DriverChoice) -> DriverAnswer: "Forgets all that is known of a driver.",
    "diagnostics" diagnostics(Nothing) -> Value:
        "One object for a report, without names of folders and without secrets.",
    "metrics" metrics(Nothing) -> MetricsAnswer: "The figures of the host for monitoring systems.",
    "jobs.submit" submit_job(Submission) -> JobView:
        "Accepts a job and answers once it is written down. The same id again is the same job.",
    "jobs.list" list_jobs(Nothing) -> JobList: "Every job that is kept, in the order of submission.",
    "jobs.show" show_job(JobChoice) -> JobView: "One job as it is now.",
    "jobs.open_folder" open_job_folder(JobChoice) -> FolderAnswer:
        "Says where the folder of a job is, which is there; the client opens it.",
    "jobs.cancel" cancel_job(JobChoice) -> JobView: "Asks for the end of a job and does not wait for it.",
    "jobs.retry" retry_job(JobChoice) -> JobView:
        "Tries at once what waits, and looks again at what is over without being done; nothing is sent twice.",
    "jobs.resubmit" resubmit_job(JobChoice) -> JobView: "Sends a job that is over without being done again.",
    "jobs.discard" discard_job(JobChoice) -> Nothing: "Forgets a job that is over; its results stay where they are.",
    "host.stop" stop_host(Nothing) -> Nothing: "Ends the host.",
    "host.dismiss" dismiss_host(Nothing) -> Nothing:
        "Ends the host once nobody is connected and no job is open, without waiting for its idle time.",
    "host.hand-over" hand_over_host(HandOver) -> HandOverAnswer: "Ends the host as soon as no job is open.",
}

/// Parameters of a method; none at all stands for an empty object.
fn taken<P: DeserializeOwned>(params: Value) -> Result<P, RpcError> {
    let params = if params.is_null() { Value::Object(Map::new()) } else { params };
    serde_json::from_value(params).map_err(|error| RpcError::new(ErrorCode::InvalidParams, error.to_string()))
}

fn given(result: &impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::new(ErrorCode::Internal, error.to_string()))
}

fn unknown(method: &str) -> RpcError {
    let text = format!("there is no method {:?}", printable(method, 80));
    RpcError::new(ErrorCode::MethodNotFound, text)
}

#[cfg(test)]
mod tests {
    use super::METHODS;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_stands_for_one_method() {
        let names: BTreeSet<_> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
