//! The way out: a bounded queue, and one task that sends what is in it. A collector that is down or hangs costs spans,
//! which are counted, and nothing else.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::otlp;
use super::over_grpc::OverGrpc;
use super::over_http::OverHttp;
use super::record::Record;
use super::refusal::Refusal;
use crate::clock::Clock;
use crate::telemetry::list;
use crate::telemetry::settings::{TraceProtocol, TraceSettings};

/// Spans sent at once, at most.
const BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const GATHER: Duration = Duration::from_millis(500);
/// Times that a batch is sent, at most.
const TRIES: u32 = 3;
/// Pause after a first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause that a collector may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the end of the process waits for what is still in the queue.
const FLUSH: Duration = Duration::from_secs(2);

/// Why a span never got there: `queue-full`, `undelivered`, `rejected`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DropReason {
    /// The reason.
    pub reason: &'static str,
}

const QUEUE_FULL: DropReason = DropReason { reason: "queue-full" };
const UNDELIVERED: DropReason = DropReason { reason: "undelivered" };
const REJECTED: DropReason = DropReason { reason: "rejected" };

/// Spans by what became of them. Clones share the numbers.
#[derive(Debug, Clone, Default)]
pub struct TraceMetrics {
    /// Taken by the collector.
    pub exported: Counter,
    /// Lost.
    pub dropped: Family<DropReason, Counter>,
}

impl TraceMetrics {
    pub(in crate::telemetry) fn register(&self, r: &mut Registry) {
        list::TRACE_EXPORTED.register(r, self.exported.clone());
        // A rate can't see a series' first count.
        for reason in [QUEUE_FULL, UNDELIVERED, REJECTED] {
            let _zero = self.dropped.get_or_create(&reason);
        }
        list::TRACE_DROPPED.register(r, self.dropped.clone());
    }
}

/// Where spans go when they end. Never waits. Clones share the queue.
#[derive(Clone)]
pub struct Outlet {
    queue: Sender<Record>,
    full: Counter,
}

impl Outlet {
    pub(super) fn send(&self, record: Record) {
        if self.queue.try_send(record).is_err() {
            self.full.inc();
        }
    }
}

/// The task that sends. Dropping it leaves it sending; [`Exporter::finish`] ends it.
pub struct Exporter {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Exporter {
    /// Starts to send to `endpoint`, on the runtime that this is called from.
    ///
    /// # Errors
    /// What the TLS client says if it can't be built on this machine.
    pub fn start(
        endpoint: Url,
        settings: &TraceSettings,
        clock: &Clock,
        metrics: TraceMetrics,
    ) -> Result<(Outlet, Exporter), String> {
        let carrier = match settings.protocol {
            TraceProtocol::HttpProtobuf => Carrier::Http(OverHttp::new(endpoint, settings)?),
            TraceProtocol::Grpc => Carrier::Grpc(Box::new(OverGrpc::new(&endpoint, settings)?)),
        };
        let (sender, queue) = mpsc::channel(settings.queue.max(1));
        let outlet = Outlet { queue: sender, full: metrics.dropped.get_or_create(&QUEUE_FULL).clone() };
        for reason in [UNDELIVERED, REJECTED] {
            drop(metrics.dropped.get_or_create(&reason)); // a series from the start
        }
        let resource = otlp::resource(&settings.service_name, format!("{:016x}", clock.draw()));
        let stop = CancellationToken::new();
        let delivery = Delivery { carrier, resource, metrics, stop: stop.clone(), failing: false };
        Ok((outlet, Exporter { task: tokio::spawn(delivery.run(queue)), stop }))
    }

    /// Sends what is still in the queue, if that doesn't take long.
    pub async fn finish(mut self) {
        self.stop.cancel();
        if timeout(FLUSH, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// How batches travel.
enum Carrier {
    Http(OverHttp),
    Grpc(Box<OverGrpc>),
}

impl Carrier {
    /// Sends a batch once; tells how many of its spans were rejected.
    async fn send(&mut self, batch: ExportTraceServiceRequest) -> Result<u64, Refusal> {
        match self {
            Carrier::Http(way) => way.send(&batch).await,
            Carrier::Grpc(way) => way.send(batch).await,
        }
    }
}

struct Delivery {
    carrier: Carrier,
    resource: Resource,
    metrics: TraceMetrics,
    stop: CancellationToken,
    failing: bool,
}

impl Delivery {
    async fn run(mut self, mut queue: Receiver<Record>) {
        let mut batch = Vec::with_capacity(BATCH);
        let stop = self.stop.clone();
        while stop.run_until_cancelled(queue.recv_many(&mut batch, BATCH)).await.is_some_and(|n| n > 0) {
            let gather = async {
                while let room @ 1.. = BATCH.saturating_sub(batch.len())
                    && queue.recv_many(&mut batch, room).await > 0
                {}
            };
            let _full_or_late = timeout(GATHER, stop.run_until_cancelled(gather)).await;
            self.deliver(&batch).await;
            batch.clear();
        }
        // The end: whatever is there, once.
        queue.close();
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            self.deliver(&batch).await;
            batch.clear();
        }
    }

    /// Sends a batch, again if that may help. Meanwhile the queue fills, and drops what finds no room.
    async fn deliver(&mut self, batch: &[Record]) {
        let spans = batch.len() as u64;
        let mut pause = FIRST_PAUSE;
        for last in (0..TRIES).map(|n| n + 1 == TRIES) {
            let refusal = match self.carrier.send(otlp::request(self.resource.clone(), batch)).await {
                Ok(rejected) => {
                    let rejected = rejected.min(spans);
                    self.metrics.dropped.get_or_create(&REJECTED).inc_by(rejected);
                    self.metrics.exported.inc_by(spans - rejected);
                    return self.tell_recovery();
                }
                Err(refusal) => refusal,
            };
            self.tell_failure(&refusal.why);
            let again = refusal.passing && !last;
            let pause_now = refusal.wait.map_or(pause, |wait| wait.clamp(pause, LONGEST_PAUSE));
            if !again || self.stop.run_until_cancelled(tokio::time::sleep(pause_now)).await.is_none() {
                break;
            }
            pause *= 2;
        }
        self.metrics.dropped.get_or_create(&UNDELIVERED).inc_by(spans);
    }

    /// One line when it begins, however long it lasts.
    fn tell_failure(&mut self, why: &str) {
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(
                error = why,
                "the collector takes no spans: look at trace.endpoint and trace.protocol; trace_spans_dropped counts what is lost"
            );
        }
    }

    fn tell_recovery(&mut self) {
        if std::mem::replace(&mut self.failing, false) {
            tracing::info!("the collector takes spans again");
        }
    }
}
