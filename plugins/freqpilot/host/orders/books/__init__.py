"""The exchange's books beside ours, compared all the time: after a loop, when its exits have gone,
what is due and fits into a budget of requests and a second is looked at."""
