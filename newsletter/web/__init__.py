"""The public pages over HTTP: reading, joining, leaving. Starlette and uvicorn; no JavaScript, no cookies."""
