# model.mk - the queue's protocol, searched by spin.

model: ## tests/model: every interleaving of the queue's protocol with crashes, and its breaks, by spin
	@BUILD=$(abspath $(BUILD)) CC='$(CC)' tests/model/run quick
model-whole: ## the same with more crashes, slots and submissions (minutes, up to 6 GB)
	@BUILD=$(abspath $(BUILD)) CC='$(CC)' tests/model/run whole
.PHONY: model model-whole
