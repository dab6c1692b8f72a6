-- wrk's request: one row of COLUMNS floats for MODEL, binary both ways.
local columns = tonumber(os.getenv("COLUMNS_OF_MODEL"))
local json = '{"inputs":[{"name":"x","shape":[1,' .. columns .. '],"datatype":"FP32","parameters":{"binary_data_size":'
    .. (columns * 4) .. '}}],"outputs":[{"name":"y","parameters":{"binary_data":true}}]}'
wrk.method = "POST"
wrk.path = "/v2/models/" .. os.getenv("MODEL") .. "/infer"
wrk.body = json .. string.rep("\0", columns * 4)
wrk.headers["Inference-Header-Content-Length"] = #json
