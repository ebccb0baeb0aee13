"""hashtape's own stubs, one module a family of clients.

vcrpy's stubs hand the client the raw answer while they record; these hand out what a replay will.
Clients without one here keep vcrpy's, and record the same files.
"""

from hashtape.vcr_adapter.stubs.httpx_transports import httpx_patches

__all__ = ["httpx_patches"]
