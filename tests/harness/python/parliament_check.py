"""Judges an IAM policy, read from standard input, by AWS's service authorization reference.

Prints one finding a line: an action, a resource or a condition key that does not exist or does
not go with the others.
"""

import sys

import parliament

for finding in parliament.analyze_policy_string(sys.stdin.read()).findings:
    print(finding)
