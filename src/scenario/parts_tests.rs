//! What is said about mistakes in the tables of a scenario. Apart from `parts.rs` for their length.

use super::load::testing::refuse;
use expect_test::expect;

#[test]
fn mistakes_in_flags() {
    let said = [
        "[network]\nlatency = 5",
        "[network]\nlatency = '5sec'",
        "[network]\nlatency = { uniform = ['3ms', '1ms'] }",
        "[network]\nlatency = { uniform = ['3ms'] }",
        "[network]\nlatency = { exponental = '1ms' }",
        "[network]\nlatency = { lognormal = { median = 3, sigma = 1 } }",
        "[network]\nlatency = { lognormal = { median = '3s', sigma = -1 } }",
        "[network]\nlatency = {}",
        "[disk]\nlatency = '-1ms'",
        "[master]\nagent_ping_timeout = '1h'\nmax_agent_ping_timeouts = 0",
        "[master]\nmax_completed_frameworks = '5'",
        "[allocator]\npolcy = 'drf'",
        "[allocator]\npolicy = 3\nallocation_interval = '0s'",
        "[allocator]\npolicy = { alpha = 3 }",
        "[allocator]\nmin_allocatable_resources = 'ports:[1-2]'",
        "[roles.dev]\nweight = 0\n[roles.\"a b\"]\n[roles.-x]\n[roles.y]\nwieght = 1\n[roles.z]\nguarantee = \"cpus:4;mem:1\"\nlimit = \"cpus:2\"\n[roles.\"z/a\"]\nlimit = \"cpus:2\"\n[roles.q]\nlimit = \"ports:[1-2]\"",
        "[report]\nplots = 'no'\n",
        "[report]\ninterval = '0s'",
        "[check]\ninvariants = 'some'\n",
        "[check]\ninvariant = 'none'\n",
    ]
    .map(|text| refuse(&format!("duration = '1h'\n{text}\n")))
    .join("\n\n");
    expect![[r#"
        error: a duration needs a unit
         --> test.toml:3:11
          |
        3 | latency = 5
          |           ^
          |
          = help: write "5s"

        error: unknown unit `sec` in "5sec"
         --> test.toml:3:11
          |
        3 | latency = '5sec'
          |           ^^^^^^
          |
          = help: write "5s"

        error: uniform from 3ms to 1ms is empty
         --> test.toml:3:11
          |
        3 | latency = { uniform = ['3ms', '1ms'] }
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: write the smaller one first: ["1ms", "3ms"]

        error: expected a list of 2, found a list of 1
         --> test.toml:3:23
          |
        3 | latency = { uniform = ['3ms'] }
          |                       ^^^^^^^
          |
          = help: write exactly that many

        error: unknown key `exponental`
         --> test.toml:3:13
          |
        3 | latency = { exponental = '1ms' }
          |             ^^^^^^^^^^
          |
          = help: did you mean `exponential`?

        error: a duration needs a unit
         --> test.toml:3:36
          |
        3 | latency = { lognormal = { median = 3, sigma = 1 } }
          |                                    ^
          |
          = help: write "3s"

        error: sigma -1 is out of range
         --> test.toml:3:11
          |
        3 | latency = { lognormal = { median = '3s', sigma = -1 } }
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: it is the standard deviation of the logarithm: write a number from 0 to 10, often 0.5 to 2

        error: a distribution is given by exactly one form
         --> test.toml:3:11
          |
        3 | latency = {}
          |           ^^
          |
          = help: write one of "90s", { uniform = ["1ms", "3ms"] }, { exponential = "100s" }, { lognormal = { median = "60s", sigma = 1.2 } }

        error: "-1ms" is negative
         --> test.toml:3:11
          |
        3 | latency = '-1ms'
          |           ^^^^^^
          |
          = help: write a duration of "0s" or more

        error: agent_ping_timeout 1h is out of range
         --> test.toml:3:22
          |
        3 | agent_ping_timeout = '1h'
          |                      ^^^^
          |
          = help: Mesos allows "1s" to "15m"

        error: no ping may be missed
         --> test.toml:4:27
          |
        4 | max_agent_ping_timeouts = 0
          |                           ^
          |
          = help: write a number of at least 1

        error: expected a whole number, found the text "5"
         --> test.toml:3:28
          |
        3 | max_completed_frameworks = '5'
          |                            ^^^
          |
          = help: write digits only, for example 5

        error: unknown key `polcy`
         --> test.toml:3:1
          |
        3 | polcy = 'drf'
          | ^^^^^
          |
          = help: did you mean `policy`?

        error: expected a name, found a whole number
         --> test.toml:3:10
          |
        3 | policy = 3
          |          ^
          |
          = help: write "drf", or { kind = "drf" } with parameters

        error: the allocator would never rest
         --> test.toml:4:23
          |
        4 | allocation_interval = '0s'
          |                       ^^^^
          |
          = help: write a duration above zero; upstream's is "1s"

        error: missing key `kind`
         --> test.toml:3:10
          |
        3 | policy = { alpha = 3 }
          |          ^^^^^^^^^^^^^
          |
          = help: add `kind = "..."`; `mesosim plugins` lists what there is

        error: `ports` cannot be a minimum
         --> test.toml:3:29
          |
        3 | min_allocatable_resources = 'ports:[1-2]'
          |                             ^^^^^^^^^^^^^
          |
          = help: the kinds are `cpus`, `mem`, `disk`, `gpus`

        error: weight 0 is out of range
         --> test.toml:3:10
          |
        3 | weight = 0
          |          ^
          |
          = help: write a number above zero

        error: "a b" cannot be the name of a role
         --> test.toml:4:8
          |
        4 | [roles."a b"]
          |        ^^^^^
          |
          = help: a role has no spaces or control characters

        error: "-x" cannot be the name of a role
         --> test.toml:5:8
          |
        5 | [roles.-x]
          |        ^^
          |
          = help: no part of a role begins with `-`

        error: unknown key `wieght`
         --> test.toml:7:1
          |
        7 | wieght = 1
          | ^^^^^^
          |
          = help: did you mean `weight`?

        error: the guarantee of 4 cpus is above the limit of 2
         --> test.toml:9:13
          |
        9 | guarantee = "cpus:4;mem:1"
          |             ^^^^^^^^^^^^^^
          |
          = help: guarantee at most the limit

        error: a role below another has no quota, and "z/a" is one
          --> test.toml:12:9
           |
        12 | limit = "cpus:2"
           |         ^^^^^^^^
           |
           = help: give it to the role above, whose quota counts what is below it too

        error: `ports:[1-2]` cannot be a part of a quota
          --> test.toml:14:9
           |
        14 | limit = "ports:[1-2]"
           |         ^^^^^^^^^^^^^
           |
           = help: write amounts alone, for example "cpus:16;mem:65536"

        error: expected true or false, found the text "no"
         --> test.toml:3:9
          |
        3 | plots = 'no'
          |         ^^^^
          |
          = help: write true or false without quotes

        error: samples need a distance
         --> test.toml:3:12
          |
        3 | interval = '0s'
          |            ^^^^
          |
          = help: write a duration above zero, such as "10s"

        error: "some" is neither `all` nor `none`
         --> test.toml:3:14
          |
        3 | invariants = 'some'
          |              ^^^^^^
          |
          = help: write "all", "none" or a list of names

        error: unknown key `invariant`
         --> test.toml:3:1
          |
        3 | invariant = 'none'
          | ^^^^^^^^^
          |
          = help: did you mean `invariants`?"#]].assert_eq(&said);
}

#[test]
fn mistakes_in_lists() {
    let said = [
        "[[frameworks]]\nname = 'a'\n[[frameworks]]\nname = 'a'",
        "[[frameworks]]\nrole = 'a'",
        "[[frameworks]]\nname = 'a'\nrole = '/a'\ncapabilities = ['GPU_RESOURCE']\nfailover_timeout = 5",
        "[[agents]]\ncount = 1\nresources = 'cpus:1'\n[[agents]]\ncount = 1\nresources = 'cpus:1'",
        "[[workload]]\nrate = '1/s'",
        "[[workload]]\nkind = 3",
        "[[workload]]\nkind = 'job-csv'\nfile = 'missing.csv'",
        "[[workload]]\nkind = 'openb'\nfile = 'openb_pod_list_default.csv'",
        "[[request]]\nkind = 'x'",
        "[[request]]\nkind = 'x'\nat = '2h'",
        "[[fault]]\nat = '2h'",
        "[[expect]]\nmetric = 'x'",
        "[[expect]]\nmetric = 'x'\nequals = 1\nless = 2",
        "[[expect]]\nmetric = 'x'\nequals = 1\nat = '1m'\nwithin = '2m'",
        "[[expect]]\nmetric = 'x'\nequals = 1\nfrom = '1m'",
        "[[expect]]\nmetric = 'x'\nequals = 1\nfrom = '2m'\nuntil = '1m'",
        "[[expect]]\nmetric = 'x'\nequals = 1\nfrom = '1m'\nuntil = '2m'\nat = '1m'",
        "[[expect]]\nmetric = 'x'\nequals = 1\nat = '61m'",
        "[[expect]]\nmetric = 'x'\nequal = 1",
        "[[expect]]\nmetric = 'x'\nequals = 'many'",
    ]
    .map(|text| refuse(&format!("duration = '1h'\n{text}\n")))
    .join("\n\n");
    expect![[r#"
        error: the framework `a` is there already, in line 3
         --> test.toml:5:8
          |
        5 | name = 'a'
          |        ^^^
          |
          = help: give it another name

        error: missing key `name`
         --> test.toml:2:1
          |
        2 | [[frameworks]]
          | ^^^^^^^^^^^^^^
          |
          = help: add `name = ...` here

        error: a duration needs a unit
         --> test.toml:6:20
          |
        6 | failover_timeout = 5
          |                    ^
          |
          = help: write "5s"

        error: the fleet `agent` is there already, in line 2
         --> test.toml:5:1
          |
        5 | [[agents]]
          | ^^^^^^^^^^
          |
          = help: give each [[agents]] a `name` of its own

        error: missing key `kind`
         --> test.toml:2:1
          |
        2 | [[workload]]
          | ^^^^^^^^^^^^
          |
          = help: add `kind = "..."`; `mesosim plugins` lists what there is

        error: `kind` must be a text, found a whole number
         --> test.toml:3:8
          |
        3 | kind = 3
          |        ^
          |
          = help: write it in quotes

        error: there is no file missing.csv
         --> test.toml:4:8
          |
        4 | file = 'missing.csv'
          |        ^^^^^^^^^^^^^
          |
          = help: correct the path, or pass the folder it is in with `--data DIR`

        error: there is no file openb_pod_list_default.csv
         --> test.toml:4:8
          |
        4 | file = 'openb_pod_list_default.csv'
          |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: it belongs to Alibaba's GPU trace of 2023 (github.com/alibaba/clusterdata, folder cluster-trace-gpu-v2023, "openb"): fetch it and pass its folder with `--data DIR`

        error: missing key `at`
         --> test.toml:2:1
          |
        2 | [[request]]
          | ^^^^^^^^^^^
          |
          = help: add `at = "10m"`: when the request arrives

        error: 2h is after the end of the run
         --> test.toml:4:6
          |
        4 | at = '2h'
          |      ^^^^
          |
          = help: write an instant up to "1h", or a longer `duration`

        error: missing key `kind`
         --> test.toml:2:1
          |
        2 | [[fault]]
          | ^^^^^^^^^
          |
          = help: add `kind = "..."`; `mesosim plugins` lists what there is

        error: `x` needs exactly one comparison
         --> test.toml:2:1
          |
        2 | [[expect]]
          | ^^^^^^^^^^
          |
          = help: write one of equals, not_equals, less, at_most, greater, at_least = NUMBER

        error: `x` needs exactly one comparison
         --> test.toml:2:1
          |
        2 | [[expect]]
          | ^^^^^^^^^^
          |
          = help: write one of equals, not_equals, less, at_most, greater, at_least = NUMBER

        error: `at` and `within` exclude each other
         --> test.toml:6:10
          |
        6 | within = '2m'
          |          ^^^^
          |
          = help: `at` looks once at that instant, `within` asks for any instant up to then

        error: `from` and `until` go together
         --> test.toml:2:1
          |
        2 | [[expect]]
          | ^^^^^^^^^^
          |
          = help: write both, the earlier one as `from`: it must hold all the time between them

        error: `from` and `until` go together
         --> test.toml:2:1
          |
        2 | [[expect]]
          | ^^^^^^^^^^
          |
          = help: write both, the earlier one as `from`: it must hold all the time between them

        error: `from` excludes `at` and `within`
         --> test.toml:2:1
          |
        2 | [[expect]]
          | ^^^^^^^^^^
          |
          = help: `from` and `until` ask for all instants between them

        error: 1h1m is after the end of the run
         --> test.toml:5:6
          |
        5 | at = '61m'
          |      ^^^^^
          |
          = help: write an instant up to "1h", or a longer `duration`

        error: unknown key `equal`
         --> test.toml:4:1
          |
        4 | equal = 1
          | ^^^^^
          |
          = help: did you mean `equals`?

        error: expected a number, found the text "many"
         --> test.toml:4:10
          |
        4 | equals = 'many'
          |          ^^^^^^
          |
          = help: write a number without quotes, for example 0.5"#]].assert_eq(&said);
}

#[test]
fn mistakes_about_the_cluster() {
    let said = [
        "[cluster]\nmasters = 3",
        "[cluster]\nmasters = 0",
        "[cluster]\nmasters = 11\nzookeepers = 10",
        "[cluster]\nzookeepers = 3\nzk_session_timeout = '3s'",
        "[cluster]\nzookeepers = 3\nzk_tick_time = '1ms'\nzk_session_timeout = '10ms'",
        "[cluster]\nzookeeper = 3",
        "[master]\nrecovery_agent_removal_limit = '120%'",
    ]
    .map(|text| refuse(&format!("duration = '1h'\n{text}\n")))
    .join("\n\n");
    expect![[r#"
        error: several masters need ZooKeeper to elect a leader
         --> test.toml:3:11
          |
        3 | masters = 3
          |           ^
          |
          = help: add zookeepers = 3, or leave one master, which everybody knows

        error: 0 masters cannot lead a cluster
         --> test.toml:3:11
          |
        3 | masters = 0
          |           ^
          |
          = help: write 1, 3 or 5; at most 9

        error: 11 masters cannot lead a cluster
         --> test.toml:3:11
          |
        3 | masters = 11
          |           ^^
          |
          = help: write 1, 3 or 5; at most 9

        error: 10 ZooKeeper servers are more than a majority can be found of in time
         --> test.toml:4:14
          |
        4 | zookeepers = 10
          |              ^^
          |
          = help: write 1, 3 or 5; at most 9

        error: no session can have a time-out of 3s
         --> test.toml:4:22
          |
        4 | zk_session_timeout = '3s'
          |                      ^^^^
          |
          = help: ZooKeeper grants 2 to 20 ticks of 2s: write "4s" to "40s"

        error: a tick of 1ms is too short
         --> test.toml:4:16
          |
        4 | zk_tick_time = '1ms'
          |                ^^^^^
          |
          = help: ZooKeeper's tickTime is "2s"

        error: unknown key `zookeeper`
         --> test.toml:3:1
          |
        3 | zookeeper = 3
          | ^^^^^^^^^
          |
          = help: did you mean `zookeepers`?

        error: not a percentage
         --> test.toml:3:32
          |
        3 | recovery_agent_removal_limit = '120%'
          |                                ^^^^^^
          |
          = help: write "0%" to "100%""#]]
    .assert_eq(&said);
}
