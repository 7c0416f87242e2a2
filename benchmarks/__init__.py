# SPDX-License-Identifier: Apache-2.0
"""Measurements, one module a bench; `robot-rl bench NAME` runs them."""
