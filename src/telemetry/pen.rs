//! Writes families of numbers that are read off at a moment rather than counted here.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, EncodeMetric,
};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::metric::Metric;

/// A pen for one page.
pub(super) struct Pen<'p>(DescriptorEncoder<'p>);

impl<'p> Pen<'p> {
    pub fn new(encoder: DescriptorEncoder<'p>) -> Pen<'p> {
        Pen(encoder)
    }

    /// The one sample of a metric without labels.
    pub fn one(&mut self, metric: &Metric, sample: impl EncodeMetric) -> fmt::Result {
        sample.encode(metric.describe(&mut self.0)?)
    }

    /// The one sample of a gauge without labels.
    pub fn gauge(&mut self, metric: &Metric, value: impl EncodeGaugeValue) -> fmt::Result {
        self.one(metric, ConstGauge::new(value))
    }

    /// The one sample of a counter without labels.
    pub fn counter(&mut self, metric: &Metric, value: impl EncodeCounterValue) -> fmt::Result {
        self.one(metric, ConstCounter::new(value))
    }

    /// A family; nothing at all where there are no samples.
    pub fn family<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        metric: &Metric,
        samples: impl IntoIterator<Item = (L, M)>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut encoder = metric.describe(&mut self.0)?;
        for (labels, sample) in samples {
            sample.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
