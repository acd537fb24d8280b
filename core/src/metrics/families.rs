//! Every metric: its name, what it means, and where its samples come from.

use crate::{
    events::{BackendView, DeviceView, JobState, JobView, StateName, StoreState},
    health::Checks,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet},
    metrics::{MetricType, histogram::Histogram},
    registry::Unit,
};
use std::{
    collections::BTreeSet,
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// What is known at one moment.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) started: SystemTime,
    pub(super) backends: Vec<(BackendView, Checks)>,
    pub(super) jobs: Vec<JobView>,
    pub(super) store: StoreState,
}

/// All samples of one name.
struct Family {
    name: &'static str,
    /// A sentence with its full stop.
    help: &'static str,
    unit: Option<Unit>,
    metric_type: MetricType,
    samples: fn(&Figures) -> Vec<Sample>,
}

struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Value,
}

enum Value {
    Number(f64),
    Count(u64),
    Times(Histogram),
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in families() {
            let mut metric =
                encoder.encode_descriptor(family.name, family.help, family.unit.as_ref(), family.metric_type)?;
            for Sample { labels, value } in (family.samples)(self) {
                let mut metric = metric.encode_family(&labels)?;
                match value {
                    Value::Number(number) => metric.encode_gauge(&number)?,
                    Value::Count(count) => metric.encode_counter::<NoLabelSet, _, u64>(&count, None)?,
                    Value::Times(times) => times.encode(metric)?,
                }
            }
        }
        Ok(())
    }
}

fn families() -> [Family; 14] {
    let gauge = |name, help, samples| Family { name, help, unit: None, metric_type: MetricType::Gauge, samples };
    let counter = |name, help, samples| Family { name, help, unit: None, metric_type: MetricType::Counter, samples };
    let of_unit = |family: Family, unit| Family { unit: Some(unit), ..family };
    [
        gauge("build_info", "Version of the host, as a label.", |_| {
            vec![number([("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)]
        }),
        of_unit(gauge("start_time", "When the host started, since 1970.", start_time), Unit::Seconds),
        gauge("store_writable", "Whether jobs can be written down: 1 or 0.", |figures| {
            vec![number([], flag(figures.store == StoreState::Ok))]
        }),
        gauge("backend_info", "Each backend with its version and how it became known.", info),
        gauge("backend_state", "1 for the state that a backend is in, 0 for the others.", states),
        gauge("backend_detail", "1 for the finer word for its state.", details),
        of_unit(
            gauge("backend_uptime", "Part of the time in which it was usable, by length of the look back.", uptimes),
            Unit::Other("ratio".to_owned()),
        ),
        of_unit(
            Family {
                metric_type: MetricType::Histogram,
                ..gauge("backend_check_duration", "How long answered checks took.", |figures| {
                    figures.each(|backend, checks| vec![of(backend, [], Value::Times(checks.times().clone()))])
                })
            },
            Unit::Seconds,
        ),
        counter("backend_checks", "Checks by result: answered, or the code of what was wrong.", |figures| {
            figures.each(|backend, checks| {
                let result =
                    |(result, count): (&str, u64)| of(backend, [("result", result.to_owned())], Value::Count(count));
                checks.results().map(result).collect()
            })
        }),
        counter("backend_reconnects", "How often it was connected again.", |figures| {
            figures.each(|backend, _| vec![of(backend, [], Value::Count(backend.reconnects.into()))])
        }),
        gauge("backend_queue_jobs", "Jobs that the service itself counts, those of others too.", queues),
        of_unit(
            gauge("device_memory_size", "Memory of a device.", |figures| memory(figures, |device| device.memory_total)),
            Unit::Bytes,
        ),
        of_unit(
            gauge("device_memory_free", "Memory of a device that was free when it was last inspected.", |figures| {
                memory(figures, |device| device.memory_free)
            }),
            Unit::Bytes,
        ),
        gauge("jobs", "Jobs that the host keeps, by state.", jobs),
    ]
}

impl Figures {
    fn each(&self, samples: impl Fn(&BackendView, &Checks) -> Vec<Sample>) -> Vec<Sample> {
        self.backends.iter().flat_map(|(backend, checks)| samples(backend, checks)).collect()
    }
}

fn number<const N: usize>(labels: [(&'static str, String); N], number: f64) -> Sample {
    Sample { labels: labels.into(), value: Value::Number(number) }
}

/// A sample of a backend, with the labels that all of them have.
fn of<const N: usize>(backend: &BackendView, labels: [(&'static str, String); N], value: Value) -> Sample {
    let common = [("backend", backend.id.clone()), ("kind", backend.kind.clone())];
    Sample { labels: common.into_iter().chain(labels).collect(), value }
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn start_time(figures: &Figures) -> Vec<Sample> {
    let since = figures.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    vec![number([], since.as_secs_f64())]
}

fn info(figures: &Figures) -> Vec<Sample> {
    figures.each(|backend, _| {
        let version = backend.version.clone().unwrap_or_default();
        let labels = [("title", backend.title.clone()), ("version", version), ("origin", backend.origin.to_string())];
        vec![of(backend, labels, Value::Number(1.0))]
    })
}

fn states(figures: &Figures) -> Vec<Sample> {
    const ALL: [StateName; 4] =
        [StateName::Connected, StateName::Connecting, StateName::Disconnected, StateName::Disabled];
    figures.each(|backend, _| {
        let sample =
            |state: StateName| of(backend, [("state", state.to_string())], Value::Number(flag(backend.state == state)));
        ALL.map(sample).into()
    })
}

fn details(figures: &Figures) -> Vec<Sample> {
    figures.each(|backend, _| vec![of(backend, [("detail", backend.detail.to_string())], Value::Number(1.0))])
}

fn uptimes(figures: &Figures) -> Vec<Sample> {
    figures.each(|backend, _| {
        let Some(uptime) = backend.uptime else { return Vec::new() };
        let windows = [("session", uptime.session), ("hour", uptime.hour), ("day", uptime.day)];
        windows.map(|(window, part)| of(backend, [("window", window.to_owned())], Value::Number(part))).into()
    })
}

fn queues(figures: &Figures) -> Vec<Sample> {
    figures.each(|backend, _| {
        let Some(queue) = backend.queue else { return Vec::new() };
        let places = [("running", Some(queue.running)), ("pending", queue.pending)];
        let sample = |(place, count): (&str, Option<u32>)| {
            Some(of(backend, [("place", place.to_owned())], Value::Number(count?.into())))
        };
        places.into_iter().filter_map(sample).collect()
    })
}

fn memory(figures: &Figures, amount: fn(&DeviceView) -> Option<u64>) -> Vec<Sample> {
    figures.each(|backend, _| {
        let devices = backend.devices.iter().flatten().enumerate();
        let sample = |(place, device): (usize, &DeviceView)| {
            // Two cards of one name are two devices.
            let labels = [("device", place.to_string()), ("name", device.name.clone())];
            #[expect(clippy::cast_precision_loss, reason = "exact up to 8 PiB")]
            let bytes = amount(device)? as f64;
            Some(of(backend, labels, Value::Number(bytes)))
        };
        devices.filter_map(sample).collect()
    })
}

/// Zeros too: what does not exist cannot be watched for its growth.
fn jobs(figures: &Figures) -> Vec<Sample> {
    let of_backends = figures.backends.iter().map(|(backend, _)| &backend.kind);
    let kinds: BTreeSet<&String> = of_backends.chain(figures.jobs.iter().map(|job| &job.kind)).collect();
    let states = |kind| JobState::ALL.map(move |state| (kind, state));
    let count = |(kind, state): (&String, JobState)| {
        let count = figures.jobs.iter().filter(|job| job.kind == *kind && job.state == state).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        number([("kind", kind.clone()), ("state", state.to_string())], count.into())
    };
    kinds.into_iter().flat_map(states).map(count).collect()
}
