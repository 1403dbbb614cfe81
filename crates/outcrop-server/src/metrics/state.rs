//! How the gateway stands at the moment of asking.

use outcrop_core::Gateway;
use outcrop_core::limit::StoreStanding;
use outcrop_core::resilience::Condition;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{BackendLabels, ConditionLabels};
use super::names::Names;

pub(super) fn registry(gateway: &Gateway, names: &Names) -> Registry {
    let mut registry = Registry::default();
    let generation = gauge(gateway.generation());
    let what = "Which of the configurations since the start is at work";
    registry.register("outcrop_config_generation", what, generation);
    let in_flight = gauge(gateway.in_flight() as u64);
    let what = "Requests that have begun and not ended";
    registry.register("outcrop_requests_in_flight", what, in_flight);
    if let Some(StoreStanding { is_there, refused }) = gateway.limit_store() {
        let what = "Whether the store in which limits are shared is there";
        registry.register("outcrop_limit_store_is_there", what, gauge(is_there.into()));
        let refusals = Counter::<u64>::default();
        refusals.inc_by(refused);
        let what = "Requests refused because it was not";
        registry.register("outcrop_limit_store_refusals", what, refusals);
    }

    let models = Family::<ConditionLabels, Gauge>::default();
    let [going, waiting, most] = [(); 3].map(|()| Family::<BackendLabels, Gauge>::default());
    for backend in gateway.backends() {
        let (label, standing) = (names.of(Some(backend.name())), backend.standing());
        for (condition, word) in CONDITIONS {
            let labels = ConditionLabels { backend: label.clone(), condition: word };
            let count = standing.models.iter().filter(|one| **one == condition).count();
            models.get_or_create(&labels).set(count as i64);
        }
        if let Some(((in_flight, queued), limit)) = standing.gate {
            let labels = BackendLabels { backend: label };
            going.get_or_create(&labels).set(in_flight as i64);
            waiting.get_or_create(&labels).set(queued as i64);
            most.get_or_create(&labels).set(limit as i64);
        }
    }
    let what = "Models that were asked for at a backend, by how they fare there";
    registry.register("outcrop_backend_models", what, models);
    let what = "Requests in flight at a backend that has a bound";
    registry.register("outcrop_backend_in_flight", what, going);
    let what = "Requests that wait for a backend";
    registry.register("outcrop_backend_queued", what, waiting);
    let what = "How many may be in flight at a backend at present";
    registry.register("outcrop_backend_concurrency_limit", what, most);
    registry
}

const CONDITIONS: [(Condition, &str); 3] =
    [(Condition::Well, "well"), (Condition::Cooling, "cooling"), (Condition::Ejected, "ejected")];

fn gauge(value: u64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge
}
