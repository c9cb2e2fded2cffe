//! What a request asks of the state machine, as values. `route` makes them; the state machine
//! carries them out, asks the store where it must, and answers with the functions of `reply`.

use crate::base::id::Symbol;
use crate::http::Response;
use crate::marathon::group::change::Change;
use crate::marathon::model::instance::InstanceId;
use crate::marathon::model::path::PathId;

/// What becomes of a request.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// The answer, at once.
    Reply(Response),
    Command(Command),
    /// Not the leader: pass the request on with one hop more. If it came from another standby
    /// (`hops` > 0) answer `reply::proxy_loop`; if after 10 times 250 ms there is neither another
    /// leader nor leadership, `reply::no_leader`.
    Forward,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Command {
    /// Through the single write path, in its queue: `group::update::update` on the root of that
    /// moment, then the store and the deployment manager. Answer: `reply::updated` or
    /// `reply::refused`.
    Update(Update),
    /// Kill tasks; goals stay. `wipe`: the goal becomes Decommissioned and the instance is expunged
    /// at once (the answer then waits until the tasks are terminal). Answer: `reply`.
    Kill {
        instances: Vec<InstanceId>,
        wipe: bool,
        reply: Response,
    },
    /// Stop the deployment and leave the root as it is. Answer: `reply`.
    Cancel {
        deployment: Symbol,
        reply: Response,
    },
    /// Forget the backoff of the spec's present configuration. Answer: `reply`.
    ResetDelay {
        spec: PathId,
        reply: Response,
    },
    /// Give up leadership 500 ms after the answer.
    Abdicate {
        reply: Response,
    },
    /// Send events from now on, of these types (none named: of all), beginning with
    /// `event_stream_attached`.
    Attach {
        types: Vec<String>,
    },
    /// Post events there from now on, or no more. Answer: the event that says so, when it is stored.
    Subscribe {
        url: String,
    },
    Unsubscribe {
        url: String,
    },
}

/// A change of the root and how its success is answered.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    pub change: Change,
    /// Override deployments that touch the same specs.
    pub force: bool,
    pub answer: Answer,
    /// `groupId` of the event `group_change_success`: the group edited, or the app's parent.
    pub group: PathId,
    /// Where the request came in, for `api_post_event` and the pod events.
    pub uri: String,
}

/// The form of the answer to a successful update.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// 200 with version and deployment.
    Deployment,
    /// 201 with `Location` if the spec did not exist, else 200; version and deployment.
    Put(PathId),
    /// 201 with the app, its counts and the deployment.
    AppCreated(PathId),
    /// 201 with `Location`; version and deployment.
    GroupCreated(PathId),
    /// 201 or 200 with the pod.
    PodCreated(PathId),
    PodUpdated(PathId),
    /// 202 with the deployment's address.
    PodDeleted,
    /// 200 with instances of pods in their JSON form.
    PodInstancesKilled(serde_json::Value),
}
