"""Rules that the stack's resources must obey, as plain functions over a graph.

```
graph.py       resources and what they wait for
unknown.py     a value that only the deployment will tell
rule.py        what a rule is, and what it finds
documents.py   statements of policy documents
metrics.py     metrics of CloudWatch, and whose they are
reach.py       who reaches whom in the network
queues.py, permissions.py, resource_policies.py, encryption.py, network.py, paths.py,
logs.py, alarms.py, gateway.py, order.py, structure.py   the rules, one subject a module
rules.py       all of them
adapter.py     the graph from what Pulumi hands to a policy pack
pack.py        the rules as a policy pack; `__main__.py` starts it for `pulumi preview --policy-pack policy`
table.py       the table of the rules in docs/checks.md
```
"""
