uniform vec3 eye_place;      // of the camera, m
uniform vec3 key_direction;  // to the light, unit
uniform vec3 key_colour;
uniform vec3 fill_colour;    // from above
uniform vec3 ground_colour;  // from below
uniform vec3 rim_direction;
uniform vec3 rim_colour;
uniform sampler2D light_map; // depth from the key light

// Share of the key light that reaches a place, softly; [0, 1].
float lit(float facing) {
    vec3 p = v_light.xyz / v_light.w * 0.5 + 0.5;
    float bias = 0.003 + 0.006 * (1.0 - clamp(facing, 0.0, 1.0));
    float sum = 0.0;
    for (int i = 0; i < 4; i++) {
        vec2 step_to = vec2(i < 2 ? -0.5 : 0.5, i % 2 == 0 ? -0.5 : 0.5) * 0.006;
        sum += p.z - bias < texture(light_map, p.xy + step_to).r ? 1.0 : 0.0;
    }
    return sum / 4.0;
}

// `soft` in [0, 1] lets light wrap round the terminator, redder there, as skin does.
vec3 shade(vec3 albedo, vec3 n, float soft, float gloss, float power, float open) {
    vec3 view = normalize(eye_place - v_position);
    float facing = dot(n, key_direction);
    vec3 wrap = soft * vec3(0.34, 0.16, 0.10);
    vec3 diffuse = clamp((facing + wrap) / (1.0 + wrap), 0.0, 1.0);
    float shadow = lit(facing);
    vec3 through = mix(vec3(shadow), sqrt(vec3(shadow)), soft * vec3(0.6, 0.2, 0.1));
    vec3 light = key_colour * diffuse * through;
    light += mix(ground_colour, fill_colour, 0.5 + 0.5 * n.y) * open;
    light += rim_colour * clamp(dot(n, rim_direction), 0.0, 1.0) * open;
    vec3 half_way = normalize(key_direction + view);
    float shine = pow(clamp(dot(n, half_way), 0.0, 1.0), power) * shadow * gloss;
    float edge = pow(1.0 - clamp(dot(n, view), 0.0, 1.0), 4.0) * 0.25 * gloss;
    return albedo * light + key_colour * shine + fill_colour * edge * open;
}
