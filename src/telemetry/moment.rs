//! What is read off when somebody asks for the metrics: the cache, the way to Kingdee, the process.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::info::Info;

use super::list;
use super::pen::Pen;
use super::process::ProcessFacts;
use super::tier::TierFacts;
use super::upstream::{self, UpstreamFacts};

/// How things stand.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The memory tier.
    pub cache: CacheFacts,
    /// The tier that replicas share, if there is one.
    pub shared: Option<TierFacts>,
    /// Account sets, in the order of the configuration.
    pub upstream: Vec<UpstreamFacts>,
}

/// The memory tier at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct CacheFacts {
    /// Chunks held.
    pub entries: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Bytes that they may take.
    pub capacity_bytes: u64,
    /// Chunks that left for want of room.
    pub evictions: u64,
    /// Fetches under way.
    pub fetches: u64,
}

/// A moment and the process that it is of, as something that can be written.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub moment: Moment,
    pub process: ProcessFacts,
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut pen = Pen::new(encoder);
        self.moment.cache.draw(&mut pen)?;
        if let Some(shared) = &self.moment.shared {
            shared.draw(&mut pen)?;
        }
        upstream::draw(&self.moment.upstream, &mut pen)?;
        pen.one(&list::BUILD, Info::new([("version", env!("CARGO_PKG_VERSION"))]))?;
        self.process.draw(&mut pen)
    }
}

impl CacheFacts {
    fn draw(&self, pen: &mut Pen<'_>) -> fmt::Result {
        pen.gauge(&list::CACHE_ENTRIES, self.entries)?;
        pen.gauge(&list::CACHE_BYTES, self.bytes)?;
        pen.gauge(&list::CACHE_CAPACITY, self.capacity_bytes)?;
        pen.counter(&list::CACHE_EVICTIONS, self.evictions)?;
        pen.gauge(&list::FETCHES_UNDER_WAY, self.fetches)
    }
}
