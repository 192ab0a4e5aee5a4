# server.mk - what the compiler cannot tell make about the server.

# .incbin is the assembler's: no dependency file names what it reads.
$(BUILD)/obj/server/openapi.o: server/openapi.json
