//! A cluster in which things go wrong, and a host that may die.

use mesh_policy::conformance::fake_cluster::FakeCluster;
use mesh_policy::kube::{
    Failure, KubeAnswer, KubeRequest, KubeResponse, NoAnswer, Outcome, Program, ProgramKind, Step,
};
use mesh_policy::text::{Node, parse_json};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused, and has no effect.
    Status(u16),
    /// It has its effect, and is answered by an error all the same.
    StatusAfter(u16),
    /// The host cannot send it.
    Unsent,
    /// No answer comes; it has no effect.
    TimeoutBefore,
    /// No answer comes; it has its effect.
    TimeoutAfter,
    /// The answer is not readable; it has no effect.
    GarbageBefore,
    /// The answer is not readable; it has its effect.
    GarbageAfter,
    /// The answer is of another object; it has no effect.
    OtherBefore,
    /// The host dies before it is sent.
    DeathBefore,
    /// The host dies after it had its effect.
    DeathAfter,
    /// The host repeats it, where it is said to be safe, though it had its effect.
    Repeated,
}

pub const FAULTS: [Fault; 16] = [
    Fault::Status(404),
    Fault::Status(409),
    Fault::Status(410),
    Fault::Status(429),
    Fault::Status(500),
    Fault::Status(503),
    Fault::StatusAfter(500),
    Fault::Unsent,
    Fault::TimeoutBefore,
    Fault::TimeoutAfter,
    Fault::GarbageBefore,
    Fault::GarbageAfter,
    Fault::OtherBefore,
    Fault::DeathBefore,
    Fault::DeathAfter,
    Fault::Repeated,
];

/// A debug build tries one of so many combinations, an optimised one all of them.
pub const STRIDE: usize = if cfg!(debug_assertions) { 13 } else { 1 };

/// How a program ended.
#[derive(Debug)]
pub enum End {
    Done(Outcome),
    Failed(Box<Failure>),
    Died,
}

/// In which order a host sends the requests that it is given together.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    Forward,
    Backward,
}

/// Drives a program to its end. `fault` says what goes wrong with the request of that number, which
/// counts from 0. `look` sees the cluster after every request.
pub fn drive(
    kind: ProgramKind,
    options: &str,
    cluster: &mut FakeCluster,
    order: Order,
    mut fault: impl FnMut(usize, &KubeRequest) -> Option<Fault>,
    mut look: impl FnMut(&FakeCluster),
) -> (End, usize) {
    let mut program = Program::start(kind, options);
    let mut waiting: Vec<KubeRequest> = Vec::new();
    let mut sent = 0;
    loop {
        match program.step() {
            Step::Requests(requests, _) => waiting.extend(requests.iter().cloned()),
            Step::Done(outcome) => return (End::Done(outcome.clone()), sent),
            Step::Failed(failure) => return (End::Failed(Box::new(failure.clone())), sent),
        }
        assert!(waiting.len() <= mesh_policy::kube::MAX_IN_FLIGHT);
        assert!(!waiting.is_empty(), "the program waits for nothing");
        let request = match order {
            Order::Forward => waiting.remove(0),
            Order::Backward => waiting.pop().expect("is not empty"),
        };
        let fault = fault(sent, &request);
        sent += 1;
        if fault == Some(Fault::DeathBefore) {
            return (End::Died, sent);
        }
        let id = request.id;
        let respond = |answer| KubeResponse {
            id,
            answer,
            message: String::new(),
        };
        let answer = |status, body: &str| {
            Ok(KubeAnswer {
                status,
                body: body.to_owned(),
            })
        };
        let response = match fault {
            None => respond(Ok(cluster.answer(&request))),
            Some(Fault::Status(status)) => respond(answer(status, &refusal(status))),
            Some(Fault::StatusAfter(status)) => {
                cluster.answer(&request);
                respond(answer(status, &refusal(status)))
            }
            Some(Fault::Unsent) => respond(Err(NoAnswer::NotSent)),
            Some(Fault::TimeoutBefore) => respond(Err(NoAnswer::Timeout)),
            Some(Fault::TimeoutAfter) => {
                cluster.answer(&request);
                respond(Err(NoAnswer::Timeout))
            }
            Some(Fault::GarbageBefore) => respond(answer(200, "<html>")),
            Some(Fault::GarbageAfter) => {
                cluster.answer(&request);
                respond(answer(200, "{\"kind\":"))
            }
            Some(Fault::OtherBefore) => respond(answer(200, "{\"metadata\":{\"name\":\"other\"}}")),
            Some(Fault::DeathAfter) => {
                cluster.answer(&request);
                look(cluster);
                return (End::Died, sent);
            }
            Some(Fault::DeathBefore) => unreachable!(),
            Some(Fault::Repeated) => {
                let first = cluster.answer(&request);
                let is_safe = request.retry_safe;
                respond(Ok(if is_safe {
                    cluster.answer(&request)
                } else {
                    first
                }))
            }
        };
        look(cluster);
        program.resume(vec![response]);
    }
}

/// Runs a program in a cluster where nothing goes wrong.
pub fn run(kind: ProgramKind, options: &str, cluster: &mut FakeCluster) -> (End, usize) {
    drive(kind, options, cluster, Order::Forward, |_, _| None, |_| {})
}

fn refusal(status: u16) -> String {
    format!(r#"{{"kind":"Status","status":"Failure","message":"injected","code":{status}}}"#)
}

/// A cluster with these objects.
pub fn cluster(objects: &str) -> FakeCluster {
    let document = parse_json(objects).expect("is JSON");
    let objects = document.root.as_array().expect("is a list");
    let mut cluster = FakeCluster::of(objects).expect("objects are complete");
    cluster.gives_uids = true;
    cluster
}

/// The text of an object, without what the server changes by itself.
pub fn text(object: &Node<'_>) -> String {
    let mut text = serde_json::to_string(object).expect("can be written");
    for field in ["resourceVersion", "uid"] {
        while let Some(start) = text.find(&format!("\"{field}\":\"")) {
            let value = start + field.len() + 4;
            let end = value + text[value..].find('"').expect("ends") + 1;
            let end = end + usize::from(text[end..].starts_with(','));
            text.replace_range(start..end, "");
        }
    }
    text.replace(",}", "}")
}

/// Numbers that look random.
pub struct Random(u64);

impl Random {
    /// A new seed, or that of the variable `FAULTS_SEED`; it is printed.
    pub fn new(what: &str) -> Self {
        let seed = match std::env::var("FAULTS_SEED") {
            Ok(seed) => seed.parse().expect("FAULTS_SEED is a number"),
            Err(_) => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(1, |time| time.as_nanos() as u64),
        };
        println!("{what}: FAULTS_SEED={seed}");
        Random(seed | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
