//! `/v2/queue` (`QueueResource`): what waits to be launched, and why offers did not fit. The funnel
//! lists all reasons in the order in which they are looked at; `processed` is what reached each.

use super::apps::path;
use super::command::{Command, Outcome};
use super::route::{Routed, not_allowed, nowhere, reply};
use super::show::instant;
use super::view::{QueueItem, View};
use crate::base::time::{SECOND_NS, Time};
use crate::fact::OfferRefusal;
use crate::http::{Method, Request, Response};
use crate::marathon::model::json::write;
use crate::marathon::model::rejection::Rejection;
use serde_json::{Value, json};

pub(super) fn route(request: &Request, rest: &[&str], view: &dyn View) -> Routed {
    match (request.method, rest) {
        (Method::Get, []) => {
            let offers = request.query.iter().any(|(name, word)| name == "embed" && word == "lastUnusedOffers");
            let items: Value = view.queue().iter().map(|item| shown(item, offers, view.wall())).collect();
            Ok(reply(200, json!({ "queue": items })))
        }
        (Method::Delete, [id @ .., "delay"]) if !id.is_empty() => {
            let id = path(id);
            let scheduled = view.instances(&id).iter().any(|instance| instance.is_scheduled());
            if !scheduled || view.root().spec(&id).is_none() {
                return Err(Rejection::NotFound(format!("Application {id} not found in tasks queue.")));
            }
            Ok(Outcome::Command(Command::ResetDelay { spec: id, reply: Response::empty(204) }))
        }
        (_, []) => not_allowed(),
        _ => nowhere(view),
    }
}

fn shown(item: &QueueItem, offers: bool, now: Time) -> Value {
    let left = item.delayed_until.map_or(0, |until| ((until.0 - now.0) / SECOND_NS).max(0));
    let statistics = &item.offers;
    let mut summary = json!({
        "processedOffersCount": statistics.processed,
        "unusedOffersCount": statistics.unused,
        "rejectSummaryLastOffers": funnel(statistics.last_refusals.len() as u64, &last(item)),
        "rejectSummaryLaunchAttempt": funnel(statistics.processed, &statistics.refused),
    });
    for (name, at) in [("lastUnusedOfferAt", statistics.last_unused), ("lastUsedOfferAt", statistics.last_used)] {
        if let Some(at) = at {
            summary[name] = instant(at);
        }
    }
    let mut shown = json!({
        "count": item.count,
        "role": item.spec.role,
        "delay": { "timeLeftSeconds": left, "overdue": left == 0 },
        "since": instant(item.since),
        "processedOffersSummary": summary,
    });
    if offers {
        let unused = statistics.last_refusals.iter().map(|refusal| {
            let reasons: Value = refusal.reasons.iter().map(|why| Value::from(format!("{why:?}"))).collect();
            json!({ "offer": *refusal.offer, "reason": reasons, "timestamp": instant(refusal.at) })
        });
        shown["lastUnusedOffers"] = unused.collect();
    }
    let kind = if item.spec.pod().is_some() { "pod" } else { "app" };
    shown[kind] = write::run_spec(&item.spec);
    shown
}

/// The last refusals, each under its first reason.
fn last(item: &QueueItem) -> Vec<(OfferRefusal, u64)> {
    item.offers.last_refusals.iter().filter_map(|refusal| Some((*refusal.reasons.iter().min()?, 1))).collect()
}

/// Steps of the funnel, through which `processed` offers went.
fn funnel(processed: u64, refused: &[(OfferRefusal, u64)]) -> Value {
    let mut left = processed;
    let steps = OfferRefusal::ALL.iter().map(|reason| {
        let declined: u64 = refused.iter().filter(|(why, _)| why == reason).map(|(_, count)| count).sum();
        let step = json!({ "reason": format!("{reason:?}"), "declined": declined, "processed": left });
        left = left.saturating_sub(declined);
        step
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, app, get};
    use super::super::view::{LastRefusal, OfferStatistics};
    use super::*;
    use crate::fact::{Condition, OfferRefusal as R};
    use crate::http::Body;
    use expect_test::expect;
    use std::sync::Arc;

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new();
        fixture.deploy(app("/web"));
        let at = Time::from_secs(15);
        let refusal =
            |reasons: &[R]| LastRefusal { at, offer: Arc::new(json!({ "id": "o" })), reasons: reasons.to_vec() };
        fixture.queue.push(QueueItem {
            spec: fixture.spec("/web"),
            count: 2,
            since: Time::from_secs(5),
            delayed_until: Some(Time(22_900_000_000)),
            offers: OfferStatistics {
                processed: 10,
                unused: 9,
                last_used: None,
                last_unused: Some(at),
                refused: vec![(R::UnfulfilledConstraint, 4), (R::InsufficientCpus, 5)],
                last_refusals: vec![
                    refusal(&[R::InsufficientCpus, R::InsufficientMemory]),
                    refusal(&[R::UnfulfilledRole]),
                ],
            },
        });
        fixture
    }

    #[test]
    fn the_funnel_narrows() {
        let fixture = fixture();
        let Outcome::Reply(response) = super::super::route(&get("/v2/queue?embed=lastUnusedOffers"), &fixture) else {
            panic!("an answer")
        };
        let Body::Json(mut body) = response.body else { panic!("JSON") };
        body["queue"][0]["app"] = Value::Null;
        expect![[r#"{"queue":[{"count":2,"role":"*","delay":{"timeLeftSeconds":2,"overdue":false},"since":"2026-01-01T00:00:05.000Z","processedOffersSummary":{"processedOffersCount":10,"unusedOffersCount":9,"rejectSummaryLastOffers":[{"reason":"UnfulfilledRole","declined":1,"processed":2},{"reason":"UnfulfilledConstraint","declined":0,"processed":1},{"reason":"NoCorrespondingReservationFound","declined":0,"processed":1},{"reason":"AgentMaintenance","declined":0,"processed":1},{"reason":"InsufficientCpus","declined":1,"processed":1},{"reason":"InsufficientMemory","declined":0,"processed":0},{"reason":"InsufficientDisk","declined":0,"processed":0},{"reason":"InsufficientGpus","declined":0,"processed":0},{"reason":"InsufficientPorts","declined":0,"processed":0},{"reason":"DeclinedScarceResources","declined":0,"processed":0}],"rejectSummaryLaunchAttempt":[{"reason":"UnfulfilledRole","declined":0,"processed":10},{"reason":"UnfulfilledConstraint","declined":4,"processed":10},{"reason":"NoCorrespondingReservationFound","declined":0,"processed":6},{"reason":"AgentMaintenance","declined":0,"processed":6},{"reason":"InsufficientCpus","declined":5,"processed":6},{"reason":"InsufficientMemory","declined":0,"processed":1},{"reason":"InsufficientDisk","declined":0,"processed":1},{"reason":"InsufficientGpus","declined":0,"processed":1},{"reason":"InsufficientPorts","declined":0,"processed":1},{"reason":"DeclinedScarceResources","declined":0,"processed":1}],"lastUnusedOfferAt":"2026-01-01T00:00:15.000Z"},"lastUnusedOffers":[{"offer":{"id":"o"},"reason":["InsufficientCpus","InsufficientMemory"],"timestamp":"2026-01-01T00:00:15.000Z"},{"offer":{"id":"o"},"reason":["UnfulfilledRole"],"timestamp":"2026-01-01T00:00:15.000Z"}],"app":null}]}"#]].assert_eq(&serde_json::to_string(&body).expect("JSON can be printed"));
    }

    #[test]
    fn a_delay_is_reset_only_of_what_waits() {
        let mut fixture = fixture();
        let told = fixture.told(Method::Delete, "/v2/queue/web/delay", Value::Null);
        assert_eq!(told, r#"404 {"message":"Application /web not found in tasks queue."}"#);
        fixture.run("/web", 1);
        fixture.instances[0].state.condition = Condition::Failed;
        assert_eq!(fixture.told(Method::Delete, "/v2/queue//web/delay", Value::Null), "204");
    }
}
